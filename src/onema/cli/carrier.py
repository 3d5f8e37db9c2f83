from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Configured ways out. The built-in one is of type handset.")

Name = Annotated[str, typer.Argument(help="The carrier's name.")]
Setting = Annotated[
    list[str], typer.Option(help="host=smsc.example.com; values are read as JSON where they are. May repeat.")
]


@app.command("add")
def add(
    cli: Cli,
    name: Name,
    type_: Annotated[str, typer.Option("--type", help="What it speaks, such as handset.")],
    setting: Setting = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Add a carrier. It sends once a route names it."""
    from onema.cli.changes import create
    from onema.domain import documents as doc

    create(cli, doc.Carrier(name=name, type=type_, settings=_settings(setting)))


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    setting: Setting = [],  # noqa: B006  # typer needs a list, and nobody changes it
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change its state, or replace all its settings."""
    from onema.cli.changes import edit, state_of
    from onema.domain import documents as doc

    edit(cli, doc.Carrier, name, state=state_of(active), settings=_settings(setting) if setting else None)


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a carrier that no route names."""
    from onema.cli import changes
    from onema.domain import documents as doc

    changes.remove(cli, doc.Carrier, name)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List carriers."""
    from onema.cli.changes import print_documents
    from onema.domain import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Carrier)
    print_documents(cli, found, ("name", "type", "state"))


def _settings(texts: list[str]) -> dict[str, object]:
    import json

    from onema.cli.output import CliError

    settings: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise CliError(f"{text!r} is not a setting such as host=smsc.example.com.")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings
