"""The reference of our own API for people: one page without a script, made of openapi.yaml."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from onema.dialects.native.routes import description

_SHEET = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;overflow-wrap:break-word}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}"
    "pre{border:1px solid;padding:.5rem;overflow-x:auto}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td:last-child{min-width:12rem}"
    "th,td{border-bottom:1px solid;padding:.25rem .5rem;text-align:start;vertical-align:top}"
    "h3{margin-top:2.5rem}"
    "nav ul{columns:16rem;list-style:none;padding:0}"
)
_METHODS = ("get", "post", "put", "patch", "delete")


def reference_page() -> str:
    document = yaml.safe_load(description())
    return "\n".join(_page(document)) + "\n"


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><title>onema API</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_SHEET}</style></head><body><main>"
    yield f"<h1>onema API</h1><p>{_text(info['summary'])}</p><p>{_text(info['description'])}</p>"
    yield '<p>For programs: <a href="/v1/openapi.yaml">openapi.yaml</a>.</p>'
    operations = [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    yield '<nav aria-label="Operations"><ul>'
    for path, method, told in operations:
        yield f'<li><a href="#{told["operationId"]}">{method.upper()} {_text(path)}</a></li>'
    yield "</ul></nav>"
    for tag in document["tags"]:
        yield f"<h2>{_text(tag['name'])}</h2><p>{_text(tag.get('description', ''))}</p>"
        for path, method, told in operations:
            if told["tags"][0] == tag["name"]:
                yield from _operation(document, path, method, told)
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="schema-{name}">{name}</h3><p>{_text(schema.get("description", ""))}</p>'
        yield from _members(schema)
    yield "</main></body></html>"


def _operation(document: Mapping[str, Any], path: str, method: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{told["operationId"]}">{_text(told["summary"])}</h3>'
    yield f"<p><code>{method.upper()} {_text(path)}</code></p><p>{_text(told.get('description', ''))}</p>"
    parameters = [_resolved(document, each) for each in told.get("parameters", ())]
    if parameters:
        yield "<table><tr><th>parameter</th><th>in</th><th>what</th></tr>"
        for each in parameters:
            kind = f"{_kind(each['schema'])}. {_text(each.get('description', ''))}"
            yield f"<tr><td><code>{each['name']}</code></td><td>{each['in']}</td><td>{kind}</td></tr>"
        yield "</table>"
    body = _resolved(document, told.get("requestBody", {})).get("content", {}).get("application/json")
    if body:
        yield f"<p>Body: {_kind(body['schema'])}</p>"
        if "example" in body:
            yield f"<pre>{_text(json.dumps(body['example'], ensure_ascii=False))}</pre>"
    for status, answer in told["responses"].items():
        found = _resolved(document, answer)
        kinds = ", ".join(_kind(each["schema"]) for each in found.get("content", {}).values())
        yield f"<p><strong>{status}</strong> {_text(found['description'])} {kinds}</p>"


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in schema.get("allOf", ()):
        if "$ref" in part:
            yield f"<p>All of {_kind(part)}, and:</p>"
        yield from _members(part)
    if "enum" in schema:
        yield f"<p>{_kind(schema)}</p>"
    if "properties" in schema:
        required = schema.get("required", ())
        yield "<table><tr><th>member</th><th>needed</th><th>what</th></tr>"
        for name, told in schema["properties"].items():
            what = f"{_kind(told)}. {_text(told.get('description', ''))}"
            needed = "yes" if name in required else ""
            yield f"<tr><td><code>{name}</code></td><td>{needed}</td><td>{what}</td></tr>"
        yield "</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    if "enum" in schema:
        return ", ".join(f"<code>{_text(str(each))}</code>" for each in schema["enum"])
    if alternatives := schema.get("oneOf", schema.get("anyOf")):
        return " or ".join(_kind(each) for each in alternatives)
    kinds = schema.get("type", "object")
    told = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    if "items" in schema:
        return f"{told} of {_kind(schema['items'])}"
    bounds = [
        f"{name} {schema[name]}" for name in ("minimum", "maximum", "maxLength", "default") if name in schema
    ]
    return ", ".join([told, *map(_text, bounds)])


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()))
