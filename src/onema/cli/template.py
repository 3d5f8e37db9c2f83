from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Texts that brandnames may send: {OTP}, {P1,n} one word, {P2,n} several words.")

Account = Annotated[str, typer.Argument(help="Whose it is.")]
Brandname = Annotated[str, typer.Argument(help="The sender name.")]
Text = Annotated[str, typer.Argument(help="The whole text, with its placeholders.")]


@app.command("add")
def add(
    cli: Cli,
    account: Account,
    brandname: Brandname,
    text: Text,
    fold: Annotated[bool, typer.Option(help="Send Vietnamese accents as plain letters.")] = True,
) -> None:
    """Allow a text."""
    from onema.cli.changes import create
    from onema.domain import documents as doc

    create(cli, doc.Template(account=account, brandname=brandname, text=text, fold=fold))


@app.command("remove")
def remove(cli: Cli, account: Account, brandname: Brandname, text: Text) -> None:
    """Allow a text no more."""
    from onema.cli import changes
    from onema.domain import documents as doc

    changes.remove(cli, doc.Template, f"{account}/{brandname}/{text}")


@app.command("list")
def show_all(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List templates."""
    from onema.cli.changes import print_documents
    from onema.domain import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Template, account)
    print_documents(cli, found, ("account", "brandname", "text", "fold", "state"))
