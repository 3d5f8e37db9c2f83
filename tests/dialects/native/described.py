"""Whether an answer is as openapi.yaml says: judged by jsonschema, not by us."""

import json
import re
from functools import cache
from typing import Any

import jsonschema
import yaml

from onema.dialects.native.routes import description
from onema.http.messages import Request, Response


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(description())
    return found


def path_of(request: Request) -> str:
    """The path of the description that a request is about; the one with the fewest holes."""
    fitting = [
        path
        for path in document()["paths"]
        # Names of documents may have a slash in them, which clients spell %2F.
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path.replace("{kind}/{id}", "{kind}/.+")), request.path)
    ]
    assert fitting, request.path
    return str(min(fitting, key=lambda path: path.count("{")))


def is_as_described(request: Request, response: Response) -> None:
    """Status, type and body."""
    operation = document()["paths"][path_of(request)][request.method.lower()]
    told = operation["responses"].get(str(response.status), operation["responses"]["default"])
    while "$ref" in told:
        told = _at(told["$ref"])
    if "content" not in told:
        assert response.body == b""
        return
    ((media_type, content),) = told["content"].items()
    assert response.content_type.decode() == media_type, response.body
    schema = {**content["schema"], "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(response.body))


def _at(reference: str) -> dict[str, Any]:
    found: Any = document()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)
