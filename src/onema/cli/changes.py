"""Changes of the configuration that a command makes, and how it shows documents."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from onema.administration.requests import PutDocuments, ReadDocuments
from onema.cli.command import Cli
from onema.cli.output import CliError, print_json, print_table, say
from onema.cli.session import Documents, invalid_configuration
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Change
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.problems import label
from onema.domain.refusals import Refusal
from onema.wiring.installation import masked

D = TypeVar("D", bound=doc.Document)

_FIRST = (doc.Carrier, doc.Guard, doc.HotlinePool, doc.OperatorKey, doc.Tariff, doc.User)
"""What needs nothing else, so that an installation may begin with it."""


def made(kind: type[D], **fields: Any) -> D:
    """A document of what options gave. Raises CliError with all that does not fit."""
    document, problems = read_fields(kind, fields)
    if document is None:
        # The place in full is for files; a command speaks of one document.
        where = f"{spoken(str(kind.__struct_config__.tag))} {label(kind, fields)}"
        raise invalid_configuration([problem.below(where) for problem in problems])
    return document


def create(cli: Cli, document: doc.AnyDocument, **shown: Any) -> None:
    """Add a document that must be new; `shown` goes into the JSON answer beside the changes."""

    def plan(found: Documents) -> PutDocuments:
        if (document.kind, document.identity) in found:
            raise CliError(
                f"There is already a {spoken(document.kind)} {document.identity!r}.", Refusal.DUPLICATE.value
            )
        return PutDocuments(documents=(document,))

    with cli.session(creates=isinstance(document, _FIRST)) as session:
        changes = session.configure(plan, ReadDocuments(kind=document.kind, identity=document.identity))
    print_changes(cli, changes, **shown)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that an option named."""
    return {name: value for name, value in fields.items() if value is not None}


def edit(cli: Cli, kind: type[doc.Document], identity: str, **fields: Any) -> None:
    """Change the fields that are not None of a document that must exist."""
    changed = given(**fields)
    edit_document(cli, kind, identity, lambda _: changed, nothing=not changed)


def edit_whole(cli: Cli, kind: type[doc.Document], identity: str, changed: dict[str, Any]) -> None:
    """Change these fields of a document that must exist."""
    edit_document(cli, kind, identity, lambda _: changed)


def edit_document(
    cli: Cli, kind: type[D], identity: str, changed: Callable[[D], dict[str, Any]], *, nothing: bool = False
) -> None:
    """Change the fields that `changed` says for the document as it is. `nothing`: no option named any."""
    if nothing:
        raise CliError("Nothing to change: name at least one option.")
    tag = str(kind.__struct_config__.tag)

    def plan(found: Documents) -> PutDocuments:
        before = _existing(found, tag, identity)
        document = made(kind, **{**msgspec.structs.asdict(before), **changed(before)})  # type: ignore[arg-type]  # it was found by its kind
        return PutDocuments(documents=(document,))  # type: ignore[arg-type]  # every Document is one of AnyDocument

    with cli.session() as session:
        changes = session.configure(plan, ReadDocuments(kind=tag, identity=identity))
    print_changes(cli, changes)


def remove(
    cli: Cli, kind: type[doc.Document], identity: str, *, below: Sequence[type[doc.Document]] = ()
) -> None:
    """Remove a document, and the documents of the kinds `below` that belong to it."""
    tag = str(kind.__struct_config__.tag)
    account = identity.split("/", maxsplit=1)[0] if kind in (doc.Account, doc.Brandname) else ""
    concerned = (
        ReadDocuments(account=account) if account or below else ReadDocuments(kind=tag, identity=identity)
    )

    def plan(found: Documents) -> PutDocuments:
        _existing(found, tag, identity)
        children = [
            key
            for key, document in found.items()
            if isinstance(document, tuple(below)) and _belongs(document, identity)
        ]
        return PutDocuments(remove=(*children, (tag, identity)))

    with cli.session() as session:
        changes = session.configure(plan, concerned)
    print_changes(cli, changes)


def _belongs(document: doc.Document, parent: str) -> bool:
    """Whether a document is part of the account, brandname or pool with this identity."""
    match document:
        case doc.Template():
            return parent in (document.account, f"{document.account}/{document.brandname}")
        case doc.Hotline():
            return document.pool == parent
        case _:
            return getattr(document, "account", "") == parent


def _existing(found: Documents, kind: str, identity: str) -> doc.Document:
    document = found.get((kind, identity))
    if document is None:
        raise CliError(f"There is no {spoken(kind)} {identity!r}.", Refusal.CONFLICT.value)
    return document


def print_changes(cli: Cli, changes: Iterable[Change], **shown: Any) -> None:
    if cli.json:
        print_json({"changes": [msgspec.to_builtins(change) for change in changes], **shown})
        return
    for change in changes:
        say(f"{change.what:<9}  {spoken(change.kind)} {change.name}")


def print_documents(cli: Cli, documents: Iterable[doc.Document], columns: Sequence[str]) -> None:
    """All fields as JSON, or a table of the named ones."""
    rows = [shown_fields(document) for document in documents]
    if cli.json:
        print_json(rows)
    else:
        print_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def print_document(cli: Cli, document: doc.Document) -> None:
    fields = shown_fields(document)
    if cli.json:
        print_json(fields)
    else:
        for name, value in fields.items():
            say(f"{name:<18} {_cell(value)}".rstrip())


def shown_fields(document: doc.Document) -> dict[str, Any]:
    """Every field, defaults included, secrets masked."""
    return {
        name: msgspec.to_builtins(value) for name, value in msgspec.structs.asdict(masked(document)).items()
    }


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(_cell(item) for item in value)
        case dict():
            return " ".join(f"{name}={_cell(item)}" for name, item in value.items())
        case _:
            return str(value)


def spoken(kind: str) -> str:
    return kind.replace("_", " ")


def comma_list(text: str | None) -> tuple[str, ...] | None:
    """ "a, b" as ("a", "b"), "" as (), and None, which changes nothing, as None."""
    if text is None:
        return None
    return tuple(part for part in re.split(r"[,\s]+", text) if part)


def state_of(active: bool | None) -> str | None:
    """The state that --active or --no-active means; None where neither was given."""
    return None if active is None else "active" if active else "inactive"
