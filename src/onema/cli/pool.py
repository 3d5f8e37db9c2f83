from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Named groups of caller numbers.")

Name = Annotated[str, typer.Argument(help="The pool's name.")]


@app.command("add")
def add(cli: Cli, name: Name) -> None:
    """Make an empty pool."""
    from onema.cli.changes import create
    from onema.domain.configuration import documents as doc

    create(cli, doc.HotlinePool(name=name))


@app.command("set")
def change(
    cli: Cli, name: Name, active: Annotated[bool, typer.Option(help="Whether it may be called from.")]
) -> None:
    """Switch a pool on or off."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    edit(cli, doc.HotlinePool, name, state=state_of(active))


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a pool and its hotlines."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.HotlinePool, name, below=(doc.Hotline,))


@app.command("list")
def show_all(cli: Cli) -> None:
    """List pools."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.HotlinePool)
    print_documents(cli, found, ("name", "state"))
