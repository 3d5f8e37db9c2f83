"""The operations of `onema.client`, as openapi.yaml has them. `./dev docs` writes them anew.

An operation becomes a function that makes its Call, in the module of its tag, and a method of both clients. A schema
that answers hold becomes a struct, in the module of the only tag that has it, else in `shared`.
"""

import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from onema.dialects.native.routes import description as api

ROOT = Path(__file__).parents[2]
FOLDER = "src/onema/client/operations"
_METHODS = ("get", "post", "put", "patch", "delete")
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_ORIGIN = "`./dev docs` makes this of openapi.yaml."
Schema = Mapping[str, Any]


class Parameter(NamedTuple):
    name: str
    """As the API calls it."""
    place: str
    """path, query, header or body."""
    hint: str
    required: bool

    @property
    def variable(self) -> str:
        name = re.sub(r"\W", "_", self.name.lower())
        return f"{name}_" if keyword.iskeyword(name) else name

    @property
    def declared(self) -> str:
        if self.required:
            return f"{self.variable}: {self.hint}"
        if self.place == "body":
            hint, nothing = self.hint.removesuffix(" | None"), self.hint.endswith(" | None")
            return f"{self.variable}: {hint} | UnsetType{' | None' if nothing else ''} = UNSET"
        return f"{self.variable}: {self.hint} | None = None"


class Operation(NamedTuple):
    name: str
    method: str
    path: str
    tag: str
    told: str
    """What its docstring says."""
    parameters: list[Parameter]
    has_body: bool
    answer: str


class Struct(NamedTuple):
    name: str
    told: str
    members: list[tuple[str, str, bool]]
    """Name, type, and whether it is always there."""


class Description:
    """openapi.yaml, read once."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self.structs: dict[str, Struct] = {}
        self.tags_of: dict[str, set[str]] = {}
        self.operations = list(self._operations())

    def _operations(self) -> Iterator[Operation]:
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield self._operation(path, method, item[method], item.get("parameters", []))

    def _operation(self, path: str, method: str, told: Schema, shared: list[Schema]) -> Operation:
        tag = told["tags"][0].lower().replace(" ", "_")
        name = snake(told["operationId"])
        parameters = [
            self._parameter(self._resolved(each)) for each in (*shared, *told.get("parameters", ()))
        ]
        body = self._resolved(told.get("requestBody", {})).get("content", {}).get("application/json")
        if body is not None:
            parameters += self._members(body["schema"])
        return Operation(
            name,
            method.upper(),
            path,
            tag,
            _docstring(told["summary"], told.get("description", "")),
            parameters,
            body is not None,
            self._answer(told, tag),
        )

    def _parameter(self, told: Schema) -> Parameter:
        required = told["in"] == "path" or told.get("required", False)
        return Parameter(told["name"], told["in"], self._sent(told["schema"]), required)

    def _members(self, schema: Schema) -> Iterator[Parameter]:
        """What a body may have, as keywords."""
        whole = self._whole(schema)
        required = whole.get("required", ())
        for name, told in whole.get("properties", {}).items():
            yield Parameter(name, "body", self._sent(told), name in required)

    def _sent(self, schema: Schema) -> str:
        """The type of what a caller gives."""
        schema = self._resolved(schema)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
        if alternatives := schema.get("anyOf", schema.get("oneOf")):
            return " | ".join(dict.fromkeys(self._sent(each) for each in alternatives))
        kinds = schema.get("type", "object")
        hints = [
            f"Sequence[{self._sent(schema.get('items', {}))}]"
            if kind == "array"
            else _SIMPLE.get(kind, "Mapping[str, Any]")
            for kind in ([kinds] if isinstance(kinds, str) else kinds)
        ]
        return " | ".join(hints)

    def _answer(self, told: Schema, tag: str) -> str:
        for status, response in told["responses"].items():
            if str(status).startswith("2"):
                content = self._resolved(response).get("content", {})
                if "application/json" in content:
                    operation = told["operationId"]
                    name = f"{operation[0].upper()}{operation[1:]}Answer"
                    return self._told(content["application/json"]["schema"], name, tag)
                return "str" if content else "None"
        raise AssertionError(f"{told['operationId']} has no answer")

    def _told(self, schema: Schema, name: str, tag: str) -> str:
        """The type of what the server says; `name` is that of a struct without a name of its own. A word of a list is
        a str: a later server may know more of them.
        """
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._resolved(schema)
        if alternatives := schema.get("anyOf", schema.get("oneOf")):
            return " | ".join(dict.fromkeys(self._told(each, name, tag) for each in alternatives))
        if "enum" in schema or "const" in schema:
            known = schema.get("enum", [schema.get("const")])
            return " | ".join(sorted({type(each).__name__.replace("NoneType", "None") for each in known}))
        whole = self._whole(schema)
        kinds = whole.get("type", "object")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return " | ".join(dict.fromkeys(self._told_kind(kind, whole, name, tag) for kind in kinds))

    def _told_kind(self, kind: str, schema: Schema, name: str, tag: str) -> str:
        if kind == "array":
            inner = self._told(schema.get("items", {}), f"{name.removesuffix('s')}", tag)
            return f"list[{inner}]"
        if kind == "string" and schema.get("format") == "date-time":
            return "dt.datetime"
        if kind != "object":
            return _SIMPLE[kind]
        if not schema.get("properties"):
            more = schema.get("additionalProperties")
            return f"dict[str, {self._told(more, name, tag) if isinstance(more, dict) and more else 'Any'}]"
        required = schema.get("required", ())
        members = [
            (each, self._told(inner, name + _camel(each), tag), each in required)
            for each, inner in schema["properties"].items()
        ]
        self.structs[name] = Struct(name, _docstring(schema.get("description", ""), ""), members)
        self.tags_of.setdefault(name, set()).add(tag)
        return name

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _whole(self, schema: Schema) -> dict[str, Any]:
        """A schema with what allOf puts together."""
        schema = self._resolved(schema)
        whole: dict[str, Any] = {name: value for name, value in schema.items() if name != "allOf"}
        for each in schema.get("allOf", ()):
            part = self._whole(each)
            whole["properties"] = {**whole.get("properties", {}), **part.get("properties", {})}
            whole["required"] = [*whole.get("required", ()), *part.get("required", ())]
            whole.setdefault("type", part.get("type", "object"))
        return whole


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _docstring(summary: str, description: str) -> str:
    """As it stands in the code, indented, with its quotes; "" for nothing."""
    if not summary:
        return ""
    text = f"{summary.rstrip('.')}."
    if description:
        told = textwrap.fill(" ".join(description.split()), 100, break_on_hyphens=False)
        text += f"\n\n{told}\n"
    quoted = text.replace("\\", "\\\\")
    return textwrap.indent(f'"""{quoted}"""', "    ").replace("    \n", "\n")


def _call(operation: Operation) -> str:
    """The function that makes an operation's call."""
    path = [each for each in operation.parameters if each.place == "path"]
    keywords = [each for each in operation.parameters if each.place != "path"]
    keywords.sort(key=lambda each: not each.required)
    declared = [each.declared for each in path]
    if keywords:
        declared += ["*", *(each.declared for each in keywords)]
    where = operation.path
    for each in path:
        where = where.replace(f"{{{each.name}}}", f"{{part({each.variable})}}")
    given = [
        repr(operation.method),
        f'f"{where}"' if path else f'"{where}"',
        operation.answer if operation.answer != "None" else "type(None)",
    ]
    query = [f'"{each.name}": {each.variable}' for each in keywords if each.place == "query"]
    if query:
        given.append(f"query={{{', '.join(query)}}}")
    if operation.has_body:
        members = [f'"{each.name}": {each.variable}' for each in keywords if each.place == "body"]
        given.append(f"body={{{', '.join(members)}}}")
    if any(each.variable == "idempotency_key" for each in keywords):
        given.append("key=idempotency_key or new_key()")
    return (
        f"def {operation.name}({', '.join(declared)}) -> Call[{operation.answer}]:\n"
        f"{operation.told}\n"
        f"    return Call({', '.join(given)})\n"
    )


def _struct(struct: Struct) -> str:
    lines = [f"class {struct.name}(msgspec.Struct, frozen=True, kw_only=True):"]
    if struct.told:
        lines.append(f"{struct.told}\n")
    for name, hint, always in struct.members:
        variable = f"{name}_" if keyword.iskeyword(name) else name
        if variable != name:
            default = "" if always else "default=None, "
            lines.append(
                f"    {variable}: {hint}{'' if always else ' | None'} = msgspec.field({default}name={name!r})"
            )
        elif always:
            lines.append(f"    {name}: {hint}")
        else:
            lines.append(f"    {name}: {hint}{'' if hint.endswith('None') else ' | None'} = None")
    return "\n".join(lines) + "\n"


@cache
def modules() -> dict[str, str]:
    """The text of each module by its path."""
    described = Description(yaml.safe_load(api()))
    home = {
        name: next(iter(tags)) if len(tags) == 1 else "shared" for name, tags in described.tags_of.items()
    }
    tags = list(dict.fromkeys(operation.tag for operation in described.operations))
    found = {f"{FOLDER}/__init__.py": ""}
    for tag in (*tags, "shared"):
        # Each stands behind those that it holds: they were put in while it was read.
        structs = [_struct(struct) for name, struct in described.structs.items() if home[name] == tag]
        calls = [_call(operation) for operation in described.operations if operation.tag == tag]
        if structs or calls:
            body = "\n\n".join((*structs, *calls))
            others = sorted(
                name
                for name, where in home.items()
                if where == "shared" != tag and re.search(rf"\b{name}\b", body)
            )
            found[f"{FOLDER}/{tag}.py"] = formatted(_head(body, others) + body)
    found[f"{FOLDER}/methods.py"] = formatted(_methods(described.operations, tags))
    return found


def _head(body: str, shared: list[str]) -> str:
    """The imports that a module's body needs."""
    lines = [f'"""{_ORIGIN}"""\n']
    if "dt." in body:
        lines.append("import datetime as dt")
    if abstract := [name for name in ("Mapping", "Sequence") if f"{name}[" in body]:
        lines.append(f"from collections.abc import {', '.join(abstract)}")
    if typed := [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b", body)]:
        lines.append(f"from typing import {', '.join(typed)}")
    lines.append("")
    if "msgspec." in body:
        lines.append("import msgspec")
    if unset := [name for name in ("UNSET", "UnsetType") if name in body]:
        lines.append(f"from msgspec import {', '.join(unset)}")
    lines.append("")
    if made := [name for name in ("Call", "new_key", "part") if re.search(rf"\b{name}[(\[]", body)]:
        lines.append(f"from onema.client.call import {', '.join(made)}")
    if shared:
        lines.append(f"from onema.client.operations.shared import {', '.join(shared)}")
    return "\n".join(lines) + "\n\n"


def _methods(operations: list[Operation], tags: list[str]) -> str:
    lines = [
        f'"""{_ORIGIN}"""\n',
        "from onema.client.awaiting import AwaitingSender, awaiting",
        "from onema.client.blocking import BlockingSender, blocking",
        f"from onema.client.operations import {', '.join(sorted(tags))}",
    ]
    for name, sender, made in (
        ("BlockingOperations", "BlockingSender", "blocking"),
        ("AwaitingOperations", "AwaitingSender", "awaiting"),
    ):
        lines += ["", "", f"class {name}({sender}):"]
        lines += [f"    {each.name} = {made}({each.tag}.{each.name})" for each in operations]
    return "\n".join(lines) + "\n"


def formatted(text: str) -> str:
    """As the house writes it."""
    for command in (["check", "--select=I", "--fix-only"], ["format"]):
        ruff = [
            str(Path(sys.executable).with_name("ruff")),
            *command,
            "--quiet",
            "--stdin-filename=src/x.py",
            "-",
        ]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text
