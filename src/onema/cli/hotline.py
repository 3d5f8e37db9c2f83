from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Caller numbers.")

Pool = Annotated[str, typer.Argument(help="The pool that it belongs to.")]
Number = Annotated[str, typer.Argument(help="The number that the called phone shows.")]
DailyCap = Annotated[int | None, typer.Option(min=0, help="Calls a UTC day; 0: no cap.", show_default=False)]


@app.command("add")
def add(cli: Cli, pool: Pool, number: Number, daily_cap: DailyCap = None) -> None:
    """Put a number into a pool."""
    from onema.cli.changes import create
    from onema.domain.configuration import documents as doc

    create(cli, doc.Hotline(pool=pool, number=number, daily_cap=daily_cap or 0))


@app.command("set")
def change(
    cli: Cli,
    pool: Pool,
    number: Number,
    daily_cap: DailyCap = None,
    active: Annotated[bool | None, typer.Option(help="Whether it may call.", show_default=False)] = None,
) -> None:
    """Change what the options name."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    edit(cli, doc.Hotline, f"{pool}/{number}", daily_cap=daily_cap, state=state_of(active))


@app.command("remove")
def remove(cli: Cli, pool: Pool, number: Number) -> None:
    """Take a number out of its pool."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Hotline, f"{pool}/{number}")


@app.command("list")
def show_all(cli: Cli, pool: Annotated[str | None, typer.Argument(help="Only this pool's.")] = None) -> None:
    """List hotlines."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = [one for one in session.of_kind(doc.Hotline) if pool in (None, one.pool)]
    print_documents(cli, found, ("pool", "number", "state", "daily_cap"))
