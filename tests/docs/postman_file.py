"""All operations of openapi.yaml as a collection of Postman's format 2.1, with holes for the address and the key."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from onema.dialects.native.routes import description

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "put", "patch", "delete")
_LOGIN = [("username", "{{key}}"), ("password", "{{secret}}")]


def postman_file() -> str:
    document = yaml.safe_load(description())
    folders = {
        tag: [_item(document, *each) for each in _operations(document) if each[2]["tags"][0] == tag]
        for tag in dict.fromkeys(told["tags"][0] for *_, told in _operations(document))
    }
    names = ["url", "key", "secret", *dict.fromkeys(re.findall(r"\{\{(\w+_id)\}\}", json.dumps(folders)))]
    collection = {
        "info": {"name": document["info"]["title"], "schema": _SCHEMA},
        "auth": {
            "type": "basic",
            "basic": [{"key": name, "value": value, "type": "string"} for name, value in _LOGIN],
        },
        "variable": [{"key": name, "value": ""} for name in names],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _item(document: Mapping[str, Any], path: str, method: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """A request; one that makes something keeps its id for the requests about it."""
    steps = path.strip("/").split("/")
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": [],
        "description": told.get("description", ""),
    }
    named = [step[1:-1] for step in steps if step.startswith("{")]
    request["url"] = {
        "raw": "{{url}}/" + "/".join(f":{step[1:-1]}" if step.startswith("{") else step for step in steps),
        "host": ["{{url}}"],
        "path": [f":{step[1:-1]}" if step.startswith("{") else step for step in steps],
    }
    parameters = [_resolved(document, each) for each in told.get("parameters", ())]
    if named:
        choices = {
            each["name"]: _resolved(document, each.get("schema", {})).get("enum", ()) for each in parameters
        }
        request["url"]["variable"] = [
            {"key": name, "value": next(iter(choices[name]), f"{{{{{_kept(steps, name)}}}}}")}
            for name in named
        ]
    if query := [each for each in parameters if each["in"] == "query"]:
        request["url"]["query"] = [
            {"key": each["name"], "value": "", "disabled": True, "description": each.get("description", "")}
            for each in query
        ]
    if any(each["name"] == "Idempotency-Key" for each in parameters):
        request["header"].append({"key": "Idempotency-Key", "value": '"{{$guid}}"'})
    body = told.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        request["header"].append({"key": "Content-Type", "value": "application/json"})
        example = body.get("example", {})
        request["body"] = {
            "mode": "raw",
            "raw": json.dumps(example, ensure_ascii=False, indent=2),
            "options": {"raw": {"language": "json"}},
        }
    item: dict[str, Any] = {"name": told["summary"], "request": request, "response": []}
    if method == "post" and "201" in told["responses"]:
        keep = f'pm.collectionVariables.set("{_thing(steps)}_id", pm.response.json().id);'
        script = ["if (pm.response.code === 201) {", f"  {keep}", "}"]
        item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}]
    return item


def _kept(steps: list[str], name: str) -> str:
    """The variable that has what stands in a place of a path."""
    thing = _thing(steps[: steps.index(f"{{{name}}}")])
    # A verification has the id of its first message, and no request makes a message alone.
    return f"{'verification' if thing == 'message' else thing}_id"


def _thing(steps: list[str]) -> str:
    """What a path is about: its last step that is always the same."""
    name = [step for step in steps if not step.startswith("{")][-1]
    return name.removesuffix("s").replace("-", "_")


def _resolved(document: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in each:
        return each
    found: Any = document
    for step in each["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found  # type: ignore[no-any-return]
