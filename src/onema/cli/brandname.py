from typing import Annotated, Any

import typer

from onema.cli.command import Cli, Commands
from onema.cli.registered import Registered

app = Commands(help="Alphanumeric SMS senders of accounts, at most 11 characters.")

Account = Annotated[str, typer.Argument(help="Whose it is.")]
Name = Annotated[str, typer.Argument(help="The sender name.")]
Expires = Annotated[str | None, typer.Option(help="ISO 8601 time from which it may not send; empty: never.")]


SignAt = Annotated[
    str | None,
    typer.Option(help="Where its signature stands in a text: start or end.", show_default=False),
]
SignTo = Annotated[
    str | None,
    typer.Option(help="Prefixes of numbers to which texts are signed: +86; empty: none.", show_default=False),
]


@app.command("add")
def add(
    cli: Cli,
    account: Account,
    name: Name,
    expires: Expires = None,
    sign_at: SignAt = None,
    sign_to: SignTo = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Register a brandname. It sends only texts that fit one of its templates."""
    from onema.cli.changes import comma_list, create, given, made
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    fields = given(expires_at=expires, sign_at=sign_at, sign_to=comma_list(sign_to))
    facts = with_facts({}, told_facts(registered))
    create(cli, made(doc.Brandname, account=account, name=name, registered=facts, **fields))


@app.command("set")
def change(
    cli: Cli,
    account: Account,
    name: Name,
    expires: Expires = None,
    sign_at: SignAt = None,
    sign_to: SignTo = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change what the options name."""
    from onema.cli.changes import comma_list, given, state_of
    from onema.cli.registered import edit_registered
    from onema.domain.configuration import documents as doc

    fields = given(expires_at=expires, sign_at=sign_at, sign_to=comma_list(sign_to), state=state_of(active))
    edit_registered(cli, doc.Brandname, f"{account}/{name}", fields, registered)


@app.command("approve")
def approve(cli: Cli, account: Account, name: Name) -> None:
    """Let a brandname be sent from that an account asked for."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    edit(cli, doc.Brandname, f"{account}/{name}", approval="approved", state="active", refused_because="")


@app.command("refuse")
def refuse(
    cli: Cli,
    account: Account,
    name: Name,
    because: Annotated[str, typer.Option(help="Why, for whoever asked.")],
) -> None:
    """Refuse a brandname that an account asked for."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    identity = f"{account}/{name}"
    edit(cli, doc.Brandname, identity, approval="refused", state="inactive", refused_because=because)


@app.command("register")
def register(
    cli: Cli,
    account: Account,
    name: Name,
    country: Annotated[str, typer.Argument(help="ISO code of the country, such as CN.")],
    status: Annotated[
        str, typer.Argument(help="pending, filed, approved or refused; none: nothing is known any more.")
    ],
    carrier: Annotated[
        str, typer.Option(help="At this carrier only; its state there counts before the country's.")
    ] = "",
    expires: Annotated[
        str, typer.Option(help="ISO 8601 time at which the approval ends; empty: never.")
    ] = "",
) -> None:
    """Say how far a brandname is in a country's registry. Unless it is approved, it is not sent there."""
    import msgspec

    from onema.cli.changes import edit_document
    from onema.domain.configuration import documents as doc

    told = {"country": country, "carrier": carrier, "status": status, "expires_at": expires}

    def changed(before: doc.Brandname) -> dict[str, Any]:
        kept = [one for one in before.registrations if (one.country, one.carrier) != (country, carrier)]
        registrations = [msgspec.to_builtins(one) for one in kept]
        return {"registrations": [*registrations, *([told] if status != "none" else [])]}

    edit_document(cli, doc.Brandname, f"{account}/{name}", changed)


@app.command("registrations")
def show_registrations(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List how far brandnames are in the registries of countries."""
    from onema.cli.output import print_json, print_table
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = [(one, each) for one in session.of_kind(doc.Brandname, account) for each in one.registrations]
    columns = ("account", "name", "country", "carrier", "status", "expires_at")
    rows = [
        (one.account, one.name, each.country, each.carrier, each.status, each.expires_at)
        for one, each in found
    ]
    if cli.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


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
