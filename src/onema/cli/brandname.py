from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Alphanumeric SMS senders of accounts, at most 11 characters.")

Account = Annotated[str, typer.Argument(help="Whose it is.")]
Name = Annotated[str, typer.Argument(help="The sender name.")]
Expires = Annotated[str | None, typer.Option(help="ISO 8601 time from which it may not send; empty: never.")]


@app.command("add")
def add(cli: Cli, account: Account, name: Name, expires: Expires = None) -> None:
    """Register a brandname. It sends only texts that fit one of its templates."""
    from onema.cli.changes import create
    from onema.domain.configuration import documents as doc

    create(cli, doc.Brandname(account=account, name=name, expires_at=expires or ""))


@app.command("set")
def change(
    cli: Cli,
    account: Account,
    name: Name,
    expires: Expires = None,
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change what the options name."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    edit(cli, doc.Brandname, f"{account}/{name}", expires_at=expires, state=state_of(active))


@app.command("remove")
def remove(cli: Cli, account: Account, name: Name) -> None:
    """Remove a brandname and its templates."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Brandname, f"{account}/{name}", below=(doc.Template,))


@app.command("list")
def show_all(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List brandnames."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Brandname, account)
    print_documents(cli, found, ("account", "name", "state", "expires_at"))
