"""The option for facts that were registered elsewhere, which several kinds of documents have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from onema.cli.command import Cli
    from onema.domain.configuration import documents as doc

Registered = Annotated[
    list[str],
    typer.Option(
        "--registered",
        metavar="NAME=VALUE",
        help="A fact that was registered elsewhere, such as entity_id=1101456780000012345; without a value it is taken "
        "away. May repeat.",
        show_default=False,
    ),
]


def told_facts(options: Sequence[str]) -> dict[str, str]:
    """By name; "" where it is to be taken away. Raises CliError."""
    from onema.cli.output import CliError

    told = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise CliError(
                f"--registered {option!r} is not NAME=VALUE, such as entity_id=1101456780000012345."
            )
        told[name] = value
    return told


def with_facts(registered: dict[str, str], told: dict[str, str]) -> dict[str, str]:
    """What is registered after that."""
    return {name: value for name, value in {**registered, **told}.items() if value}


def edit_registered(
    cli: "Cli", kind: "type[doc.Document]", identity: str, fields: dict[str, Any], options: Sequence[str]
) -> None:
    """Change these fields of a document that must exist, and the facts that the options name."""
    from onema.cli.changes import edit_document

    told = told_facts(options)

    def changed(before: "doc.Document") -> dict[str, Any]:
        facts = getattr(before, "registered", {})
        return {**fields, "registered": with_facts(facts, told)} if told else fields

    edit_document(cli, kind, identity, changed, nothing=not (fields or told))
