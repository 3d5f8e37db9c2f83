"""The configuration as the TOML file that `onema apply` takes back, without its secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from onema.cli.configuration_file import TABLES, Table
from onema.cli.references import is_reference
from onema.domain.configuration import documents as doc
from onema.secret import MASK
from onema.wiring.installation import masked

STORED = "{ stored = true }"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_LONGEST_LINE = 100


def toml_file(documents: Iterable[doc.Document]) -> Iterator[str]:
    """The lines of the file. Every document stands below its parent; secrets are kept as they are stored, and so is
    what TOML cannot say.
    """
    children: dict[tuple[type, tuple[str, ...]], list[doc.Document]] = {}
    for document in map(masked, documents):
        parent = tuple(str(getattr(document, name)) for name in _given(type(document)))
        children.setdefault((type(document), parent), []).append(document)
    for name, table in TABLES.items():
        yield from _entries(name, table, (), children)


_Children = Mapping[tuple[type, tuple[str, ...]], list[doc.Document]]


def _entries(path: str, table: Table, parent: tuple[str, ...], children: _Children) -> Iterator[str]:
    for document in children.get((table.kind, parent), ()):
        yield f"[[{path}]]"
        for name, value in _fields(document, table):
            yield f"{name} = {value}"
        own = (*parent, str(getattr(document, "name", "")))
        inner = [
            (name, child) for name, child in table.children.items() if issubclass(child.kind, doc.Document)
        ]
        for name, child in inner:
            if child.bare:
                yield from _bare_list(name, child, children.get((child.kind, own), ()))
        yield ""
        for name, child in inner:
            if not child.bare:
                yield from _entries(f"{path}.{name}", child, own, children)


def _given(kind: type) -> tuple[str, ...]:
    """The fields that a document of this kind has from the tables around it."""
    return next((table.given for table in _all(TABLES.values()) if table.kind is kind), ())


def _all(tables: Iterable[Table]) -> Iterator[Table]:
    for table in tables:
        yield table
        yield from _all(table.children.values())


def _fields(document: doc.Document, table: Table) -> Iterator[tuple[str, str]]:
    """(name, value) of what the file must say of a document."""
    for field in msgspec.structs.fields(document):
        value = getattr(document, field.name)
        default = {} if field.default_factory is dict else field.default
        if field.name in (*table.given, *table.assigned) or (not field.required and value == default):
            continue
        if field.name == "settings":
            yield field.name, _settings(value)
        elif field.name in document.unshown_fields:
            yield field.name, STORED
        else:
            yield field.name, _value(value, len(field.name))


def _bare_list(name: str, table: Table, documents: Iterable[doc.Document]) -> Iterator[str]:
    """A list whose plainest members are texts."""
    members = [dict(_fields(document, table)) for document in documents]
    if members:
        yield f"{name} = ["
        for member in members:
            yield f"    {member[table.bare] if len(member) == 1 else _inline(member)},"
        yield "]"


def _value(value: Any, indent: int = 0) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case msgspec.Struct():
            fields = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
            return _inline(
                {
                    field.name: _value(item)
                    for field, item in fields
                    if field.required or item != field.default
                }
            )
        case dict():
            return _inline({_key(name): _value(item) for name, item in value.items()})
        case tuple():
            members = list(map(_value, value))
            line = f"[{', '.join(members)}]"
            rows = any(isinstance(item, msgspec.Struct) for item in value)
            if not rows and len(line) + indent < _LONGEST_LINE:
                return line
            return "\n".join(["[", *(f"    {member}," for member in members), "]"])
        case _:
            return repr(value)


def _settings(value: Any, name: str = "settings") -> str:
    """A carrier's settings. What is masked, or could be read as something else, stays as it is stored."""
    match value:
        case bool() | int() | float():
            return _value(value)
        case str() if value != MASK:
            return _text(value)
        case dict() if name == "settings" or not is_reference(value):
            return _inline({_key(inner): _settings(item, inner) for inner, item in value.items()})
        case list():
            return f"[{', '.join(_settings(item, name) for item in value)}]"
        case _:
            return STORED


def _inline(members: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{name} = {value}' for name, value in members.items())} }}" if members else "{}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    # What a terminal would obey or not show is spelled out.
    return character if character.isprintable() else f"\\U{ord(character):08x}"
