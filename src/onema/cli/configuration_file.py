"""The TOML file of `onema apply`: documents written nested, as people think of them.

Each table below says which kind of document it is, what may be nested in it and which field names its parent.
"""

import datetime as dt
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from onema.administration.wanted import STORED, Content, PasswordUser, TopUpEntry
from onema.cli.references import Elsewhere, is_reference
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_fields import SECRET, fields_of, mended, read_fields, unknown_field
from onema.domain.configuration.document_rules import DEEPEST_SETTING, bad_password
from onema.domain.configuration.problems import Problem, closest, label
from onema.domain.money.top_up import reference_fault
from onema.domain.values.money import parse_amount


class FileError(ValueError):
    """The file cannot be read at all; the text is a sentence."""


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
        assigned=("number", "moving_to", "moved_to"),
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
    "carriers": Table(kind=doc.Carrier, assigned=("breaker_closed",)),
    "routes": Table(kind=doc.Route),
    "guards": Table(kind=doc.Guard),
    "operator_keys": Table(kind=doc.OperatorKey),
    "users": Table(kind=doc.User, assigned=("logouts",)),
}
_MOST_DIGITS = 30
_PARENT_FIELD = {doc.Account: "account", doc.Brandname: "brandname", doc.HotlinePool: "pool"}


def parse_file(text: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Content:
    """Read a whole file; `{file = ...}` is relative to `folder`. Raises FileError."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"It is not TOML: {error}.") from error
    except RecursionError as error:
        raise FileError("Its lists or tables are nested too deep.") from error
    return _Reader(Elsewhere(folder, environment)).read(tables)


class _Reader:
    def __init__(self, elsewhere: Elsewhere) -> None:
        self._elsewhere = elsewhere
        self._content = Content()

    def read(self, tables: dict[str, Any]) -> Content:
        for name, entries in tables.items():
            table = TABLES.get(name)
            if table is None:
                known = tuple(TABLES)
                self._content.problems.append(
                    Problem(name, "there is no such table", known, closest(name, known))
                )
            else:
                self._read_entries(table, entries, name, {})
        return self._content

    def _wrong(self, place: str, sentence: str) -> None:
        self._content.problems.append(Problem(place, sentence))

    def _read_entries(self, table: Table, entries: Any, path: str, given: dict[str, str]) -> None:
        if not isinstance(entries, list):
            header = ".".join(part.partition("[")[0] for part in path.split("."))
            self._wrong(path, f"it is a list: write [[{header}]]")
            return
        for number, written in enumerate(entries):
            entry = {table.bare: written} if table.bare and isinstance(written, str) else written
            if not isinstance(entry, dict):
                self._wrong(f"{path}[{number}]", "it must be a table")
                continue
            name = label(table.kind, entry) or label(table.kind, {"name": entry.get("reference")})
            self._read_entry(table, entry, f"{path}[{name or number}]", given)

    def _read_entry(self, table: Table, entry: dict[str, Any], place: str, given: dict[str, str]) -> None:
        kind: type[msgspec.Struct] = PasswordUser if "password" in entry else table.kind
        fields = {field.name: field.type for field in fields_of(kind)}
        own = [name for name in fields if name not in (*table.given, *table.assigned)]
        problems: list[Problem] = []
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
                values[name] = self._value(name, value, fields[name], problems)
            else:
                passwords = ["password"] if kind is doc.User else []
                problems.append(unknown_field("", name, [*own, *passwords, *table.children]))
        document, wrong = read_fields(kind, values)
        wrong = [*problems, *(one for one in wrong if one.place not in {other.place for other in problems})]
        if document is not None and not wrong:
            wrong = list(_rules(document))
        self._content.problems += [problem.below(place) for problem in wrong]
        if document is None or wrong:
            self._miss(kind, values, wrong)
        else:
            self._keep(document, place, named_state="state" in entry)
        parent = _PARENT_FIELD.get(kind)
        own_name = values["name"] if isinstance(values.get("name"), str) else place
        for read in nested:
            read({**given, **({parent: own_name} if parent else {})})

    def _miss(self, kind: type[msgspec.Struct], values: dict[str, Any], wrong: list[Problem]) -> None:
        """Remember what is meant to be there; whoever is nameless is remembered by its place."""
        if not issubclass(kind, doc.Document):
            return
        document = mended(kind, values)
        if any(problem.place in kind.identity_fields for problem in wrong):
            identity = "/".join(str(values.get(name)) for name in kind.identity_fields)
            self._content.unreadable.add((document.kind, identity))
        else:
            self._content.mended[document.kind, document.identity] = document

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
            self._wrong(place, "it is there twice")

    def _value(self, name: str, value: Any, wanted: Any, problems: list[Problem]) -> Any:
        if name == "settings" and isinstance(value, dict):
            return {
                inner: self._setting(setting, f"{name}.{inner}", problems, 1)
                for inner, setting in value.items()
            }
        if name in SECRET and isinstance(value, dict):
            return self._elsewhere.read(value, name, problems)
        if wanted == dict[str, str] and isinstance(value, dict):
            return {inner: _as_text(item) for inner, item in value.items()}
        row = _rows_of.get(wanted)
        if row is not None and isinstance(value, list):
            return [_row(item, row, f"{name}[{number}]", problems) for number, item in enumerate(value)]
        return _as_text(value) if wanted in (str, str | None) else value

    def _setting(self, value: Any, place: str, problems: list[Problem], depth: int) -> Any:
        if depth > DEEPEST_SETTING:
            problems.append(Problem(place, f"settings are nested at most {DEEPEST_SETTING} deep"))
            return None
        if is_reference(value):
            return self._elsewhere.read(value, place, problems)
        if isinstance(value, dict):
            return {
                name: self._setting(inner, f"{place}.{name}", problems, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [
                self._setting(inner, f"{place}[{number}]", problems, depth + 1)
                for number, inner in enumerate(value)
            ]
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        return float(value) if isinstance(value, Decimal) else value


def _rules(document: Any) -> Iterator[Problem]:
    """What the server cannot look at, since it gets no such thing."""
    match document:
        case TopUpEntry():
            if fault := reference_fault(document.reference):
                yield Problem("reference", fault)
            try:
                if not parse_amount(document.amount):
                    yield Problem("amount", "it is zero")
            except ValueError as error:
                yield Problem("amount", str(error))
        case PasswordUser() if document.password == STORED:
            sentence = "only its hash is stored: write password_hash = { stored = true } instead"
            yield Problem("password", sentence)
        case PasswordUser() if fault := bad_password(document.password):
            yield Problem("password", fault)


def _as_text(value: Any) -> Any:
    """Amounts may be written as numbers and times as TOML times; documents keep both as text."""
    match value:
        case bool():
            return value
        case Decimal():
            # Written out, 1e999999999 would fill the memory.
            return f"{value:f}" if abs(value.adjusted()) < _MOST_DIGITS else str(value)
        case int():
            return str(value)
        case dt.datetime() | dt.date():
            return value.isoformat()
        case _:
            return value


_rows_of: dict[Any, type[msgspec.Struct]] = {
    tuple[doc.Rate, ...]: doc.Rate,
    tuple[doc.WindowLimit, ...] | None: doc.WindowLimit,
    tuple[doc.Registration, ...]: doc.Registration,
}
"""Fields that are lists of small tables."""


def _row(value: Any, row: type[msgspec.Struct], place: str, problems: list[Problem]) -> Any:
    if not isinstance(value, dict):
        return value
    fields = {field.name: field.type for field in fields_of(row)}
    problems += [unknown_field(place, name, [*fields]) for name in value if name not in fields]
    return {name: _as_text(item) if fields.get(name) is str else item for name, item in value.items()}
