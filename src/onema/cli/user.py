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


@app.command("reset")
def reset(cli: Cli, name: Name) -> None:
    """Take away someone's authenticator app, passkeys and sessions, of who lost them; the password stays."""
    from onema.administration.people_requests import ResetUser
    from onema.cli.output import print_json, say

    with cli.session() as session:
        session.answer(ResetUser(name=name))
    if cli.json:
        print_json({"reset": name})
    else:
        say(f"{name} logs in with the password alone.")


@app.command("invite")
def invite(
    cli: Cli,
    role: Role = None,
    account: CustomerOf = None,
    name: Annotated[
        str, typer.Option(help="The only name that they may take.", show_default="they choose one")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=30, help="How long the link works.")] = 7,
) -> None:
    """Make a link that makes one user, who chooses a password. Nobody can be told the link again."""
    from onema.administration.people_requests import InviteUser
    from onema.cli.output import print_json, say
    from onema.domain.values.times import show_time
    from onema.wiring.console_address import console_address

    as_what = role or ("admin" if account else "owner")
    request = InviteUser(
        role=as_what,  # type: ignore[arg-type]  # another word is refused where it is answered
        account=account or "",
        name=name,
        days=days,
    )
    with cli.session(creates=not account) as session:
        invited = session.answer(request)
    link = f"{console_address(cli.settings())}/welcome/{invited.token}"
    until = show_time(invited.expires_at)
    if cli.json:
        print_json({"link": link, "id": invited.id, "expires_at": until})
    else:
        say(link)
        say(f"It makes one {as_what}{f' of {account}' if account else ''}, until {until}.")


@app.command("invitations")
def invitations(
    cli: Cli,
    account: Annotated[str, typer.Option(help="Only those for people of this account.")] = "",
) -> None:
    """List links that nobody has used yet."""
    import msgspec

    from onema.administration.people_requests import ReadInvitations
    from onema.cli.output import print_json, print_table
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = session.answer(ReadInvitations(account=account))
    rows = [
        {
            **msgspec.structs.asdict(one),
            "made_at": show_time(one.made_at),
            "expires_at": show_time(one.expires_at),
        }
        for one in found
    ]
    if cli.json:
        print_json(rows)
        return
    columns = ("id", "role", "account", "name", "invited_by", "expires_at")
    print_table(columns, [[row[column] for column in columns] for row in rows])


@app.command("withdraw")
def withdraw(
    cli: Cli,
    invitation: Annotated[str, typer.Argument(help="The id of the link, as `invitations` shows it.")],
) -> None:
    """Make a link worthless."""
    from onema.administration.people_requests import WithdrawInvitation
    from onema.cli.output import CliError, print_json, say

    with cli.session() as session:
        done = session.answer(WithdrawInvitation(id=invitation))
    if not done:
        raise CliError(f"There is no open invitation {invitation!r}.")
    if cli.json:
        print_json({"withdrawn": invitation})
    else:
        say("Nobody can use it any more.")


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
