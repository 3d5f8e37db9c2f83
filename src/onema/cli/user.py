from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="People who may log in to the console.")

Name = Annotated[str, typer.Argument(help="The user's name.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin instead of asking for it.")
]

Role = Annotated[
    str | None,
    typer.Option(
        help="owner, operator or viewer of everything; admin, developer or viewer of an account.",
        show_default=False,
    ),
]
CustomerOf = Annotated[
    str | None, typer.Option("--account", help="The only account that they see.", show_default=False)
]


@app.command("add")
def add(
    cli: Cli,
    name: Name,
    password_stdin: PasswordStdin = False,
    role: Role = None,
    account: CustomerOf = None,
) -> None:
    """Add someone, with a password."""
    from onema.cli.changes import create
    from onema.domain.configuration import documents as doc

    as_what = role or ("admin" if account else "owner")
    user = doc.User(
        name=name,
        password_hash=_hash(_password(password_stdin)),
        role=as_what,  # type: ignore[arg-type]  # another word is refused when it is saved
        customer_of=account or "",
    )
    create(cli, user)


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    password: Annotated[bool, typer.Option("--password", help="Give a new password.")] = False,
    password_stdin: PasswordStdin = False,
    active: Annotated[bool | None, typer.Option(help="Whether they may log in.", show_default=False)] = None,
    role: Role = None,
    account: CustomerOf = None,
) -> None:
    """Change a password, what someone may see, or whether they may log in."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    given = _hash(_password(password_stdin)) if password or password_stdin else None
    edit(
        cli,
        doc.User,
        name,
        password_hash=given,
        state=state_of(active),
        role=role,
        customer_of=account,
    )


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove someone."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.User, name)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List users."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.User)
    print_documents(cli, found, ("name", "role", "customer_of", "state"))


def _password(from_stdin: bool) -> str:
    import sys

    from onema.cli.output import CliError
    from onema.domain.configuration.document_rules import bad_password

    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if fault := bad_password(password):
        raise CliError(f"{fault[:1].upper()}{fault[1:]}.")
    return password


def _hash(password: str) -> str:
    import argon2

    return argon2.PasswordHasher().hash(password)
