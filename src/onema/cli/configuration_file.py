"""The TOML file of `onema apply`: documents written nested, as people think of them.

Each table below says which kind of document it is, what may be nested in it and which field names its parent.
"""

import datetime as dt
import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from onema.domain import documents as doc


class FileError(ValueError):
    """The file cannot be applied; the text is a sentence that names the place."""


class TopUpEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Money to be booked once for an account."""

    account: str
    reference: str
    amount: str

    @property
    def identity(self) -> str:
        return f"{self.account}/{self.reference}"


class PasswordUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user whose password, not its hash, is in the file."""

    name: str
    password: str
    state: doc.State | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """How a table of the file becomes a document. `given` fields come from the tables around it."""

    kind: type[msgspec.Struct]
    children: dict[str, "Table"] = {}
    given: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    bare: str = ""
    """The field that a plain text instead of a table fills in."""


_TEMPLATES = Table(kind=doc.Template, given=("account", "brandname"), bare="text")
TABLES: dict[str, Table] = {
    "tariffs": Table(kind=doc.Tariff),
    "accounts": Table(
        kind=doc.Account,
        assigned=("number",),
        children={
            "credentials": Table(kind=doc.Credential, given=("account",)),
            "applications": Table(kind=doc.Application, given=("account",)),
            "brandnames": Table(kind=doc.Brandname, given=("account",), children={"templates": _TEMPLATES}),
            "top_ups": Table(kind=TopUpEntry, given=("account",)),
        },
    ),
    "hotline_pools": Table(
        kind=doc.HotlinePool, children={"hotlines": Table(kind=doc.Hotline, given=("pool",), bare="number")}
    ),
    "carriers": Table(kind=doc.Carrier),
    "routes": Table(kind=doc.Route),
    "users": Table(kind=doc.User),
}
_PARENT_FIELD = {doc.Account: "account", doc.Brandname: "brandname", doc.HotlinePool: "pool"}
_MAY_BE_ELSEWHERE = {"secret", "password", "password_hash"}


class Content(msgspec.Struct):
    """What a file asks for. `unnamed_state` are the documents whose state the file leaves as it is."""

    documents: dict[tuple[str, str], doc.AnyDocument] = {}
    unnamed_state: set[tuple[str, str]] = set()
    passwords: dict[str, PasswordUser] = {}
    top_ups: dict[str, TopUpEntry] = {}


def parse_file(text: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Content:
    """Read a whole file; `{file = ...}` is relative to `folder`. Raises FileError."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"It is not TOML: {error}.") from error
    return _Reader(folder, environment).read(tables)


class _Reader:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._content = Content()

    def read(self, tables: dict[str, Any]) -> Content:
        for name, entries in tables.items():
            table = TABLES.get(name)
            if table is None:
                raise FileError(f"There is no table `{name}`.{_closest(name, TABLES)}")
            self._read_entries(table, entries, name, {})
        return self._content

    def _read_entries(self, table: Table, entries: Any, path: str, given: dict[str, str]) -> None:
        if not isinstance(entries, list):
            raise FileError(f"`{path}` is a list: write `[[{path.replace('[', '.').replace(']', '')}]]`.")
        for number, written in enumerate(entries):
            place = f"{path}[{number}]"
            entry = {table.bare: written} if table.bare and isinstance(written, str) else written
            if not isinstance(entry, dict):
                raise FileError(f"`{place}` must be a table.")
            name = entry.get("name")
            self._read_entry(table, entry, f"{path}[{name}]" if isinstance(name, str) else place, given)

    def _read_entry(self, table: Table, entry: dict[str, Any], place: str, given: dict[str, str]) -> None:
        kind: type[msgspec.Struct] = PasswordUser if "password" in entry else table.kind
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        own = [name for name in fields if name not in (*table.given, *table.assigned)]
        if kind is doc.User:
            own.append("password")
        values: dict[str, Any] = dict(given)
        nested: list[Callable[[dict[str, str]], None]] = []
        for name, value in entry.items():
            if name in table.children:
                child, path = table.children[name], f"{place}.{name}"
                nested.append(
                    lambda below, child=child, value=value, path=path: self._read_entries(  # type: ignore[misc]  # defaults bind the loop's values
                        child, value, path, below
                    )
                )
            elif name in own:
                values[name] = self._value(name, value, fields[name].type, f"{place}.{name}")
            else:
                raise FileError(f"`{place}.{name}` is unknown.{_closest(name, [*own, *table.children])}")
        document = _convert(values, kind, place)
        self._keep(document, place, named_state="state" in entry)
        parent = _PARENT_FIELD.get(kind)
        for read in nested:
            read({**given, **({parent: values["name"]} if parent else {})})

    def _keep(self, document: Any, place: str, *, named_state: bool) -> None:
        content = self._content
        match document:
            case TopUpEntry():
                known: Any = content.top_ups.setdefault(document.identity, document)
            case PasswordUser():
                known = content.passwords.setdefault(document.name, document)
                if ("user", document.name) in content.documents:
                    known = None
            case _:
                key = (document.kind, document.identity)
                known = content.documents.setdefault(key, document)
                if document.kind == "user" and document.identity in content.passwords:
                    known = None
                if not named_state:
                    content.unnamed_state.add(key)
        if known is not document:
            raise FileError(f"`{place}` is there twice.")

    def _value(self, name: str, value: Any, wanted: Any, place: str) -> Any:
        if name in _MAY_BE_ELSEWHERE and isinstance(value, dict):
            return self._elsewhere(value, place)
        if name == "settings":
            return self._carrier_setting(value, place)
        row = _rows_of.get(wanted)
        if row is not None and isinstance(value, list):
            return [_row(item, row, f"{place}[{number}]") for number, item in enumerate(value)]
        return _as_text(value) if wanted in (str, str | None) else value

    def _carrier_setting(self, value: Any, place: str) -> Any:
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("env", "file"):
            return self._elsewhere(value, place)
        if isinstance(value, dict):
            return {name: self._carrier_setting(inner, f"{place}.{name}") for name, inner in value.items()}
        return float(value) if isinstance(value, Decimal) else value

    def _elsewhere(self, value: dict[str, Any], place: str) -> str:
        """A secret that is not in the file itself: {env = "NAME"} or {file = "path"}."""
        match value:
            case {"env": str(name)} if len(value) == 1:
                if name not in self._environment:
                    raise FileError(f"`{place}`: the environment has no variable {name}.")
                return self._environment[name]
            case {"file": str(path)} if len(value) == 1:
                try:
                    return (self._folder / path).read_text(encoding="utf-8").rstrip("\r\n")
                except (OSError, UnicodeDecodeError) as error:
                    raise FileError(f"`{place}`: {path} cannot be read: {error}.") from error
            case _:
                raise FileError(f'`{place}` must be a text, {{env = "NAME"}} or {{file = "path"}}.')


def _convert(values: dict[str, Any], kind: type[msgspec.Struct], place: str) -> Any:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # "Expected `str`, got `int` - at `$.price`": say it with the place in the file.
        what, _, where = str(error).partition(" - at ")
        inner = where.strip("`").removeprefix("$")
        raise FileError(f"`{place}{inner}`: {what[:1].lower()}{what[1:]}.") from error


def _as_text(value: Any) -> Any:
    """Amounts may be written as numbers and times as TOML times; documents keep both as text."""
    match value:
        case bool():
            return value
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case dt.datetime() | dt.date():
            return value.isoformat()
        case _:
            return value


_rows_of: dict[Any, type[msgspec.Struct]] = {
    tuple[doc.Rate, ...]: doc.Rate,
    tuple[doc.WindowLimit, ...] | None: doc.WindowLimit,
}
"""Fields that are lists of small tables."""


def _row(value: Any, row: type[msgspec.Struct], place: str) -> Any:
    if not isinstance(value, dict):
        raise FileError(f"`{place}` must be a table.")
    fields = {field.name: field.type for field in msgspec.structs.fields(row)}
    for name in value:
        if name not in fields:
            raise FileError(f"`{place}.{name}` is unknown.{_closest(name, fields)}")
    return {name: _as_text(item) if fields[name] is str else item for name, item in value.items()}


def _closest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean `{close[0]}`?" if close else f" There are: {', '.join(sorted(known))}."
