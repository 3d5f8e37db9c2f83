from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

Seats = Annotated[
    int | None,
    typer.Option(help="So many binds or calls at once, over all processes; 0: no total.", show_default=False),
]
PerSecond = Annotated[
    int | None,
    typer.Option(help="So many attempts a second, over all seats; 0: no limit.", show_default=False),
]

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
    seats: Seats = None,
    per_second: PerSecond = None,
) -> None:
    """Add a carrier. It sends once a route names it."""
    from onema.cli.changes import create
    from onema.domain.configuration import documents as doc

    document = doc.Carrier(
        name=name,
        type=type_,
        seats=seats or 0,
        per_second=per_second or 0,
        settings=_settings(setting),
    )
    create(cli, document)


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    setting: Setting = [],  # noqa: B006  # typer needs a list, and nobody changes it
    seats: Seats = None,
    per_second: PerSecond = None,
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change its state or totals, or replace all its settings."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    edit(
        cli,
        doc.Carrier,
        name,
        state=state_of(active),
        seats=seats,
        per_second=per_second,
        settings=_settings(setting) if setting else None,
    )


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a carrier that no route names."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Carrier, name)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List carriers."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Carrier)
    print_documents(cli, found, ("name", "type", "state", "seats", "per_second"))


@app.command("seats")
def show_seats(
    cli: Cli,
    name: Annotated[str | None, typer.Argument(help="The carrier's name.", show_default="all")] = None,
) -> None:
    """Show which processes hold the seats of carriers with a total. One that died is shown until others notice."""
    from datetime import UTC, datetime

    import msgspec

    from onema.administration.requests import ReadSeats
    from onema.cli.output import print_json, print_table

    with cli.session() as session:
        found = [one for one in session.answer(ReadSeats()) if name in (None, one.carrier)]
    if cli.json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    columns = ("carrier", "total", "process", "seats", "renewed")
    rows = [
        (
            one.carrier,
            str(one.total),
            one.process,
            str(one.seats),
            f"{datetime.fromtimestamp(one.renewed_at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        )
        for one in found
    ]
    print_table(columns, rows)


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
