from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(
    help="Keys of operators' programs. They are for onema's own API; those of customers are credentials."
)

Name = Annotated[str, typer.Argument(help="The key, which is public: what it is for.")]
Role = Annotated[str | None, typer.Option(help="owner, operator or viewer.", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="accounts, documents, keys, money or people: the parts of the API that it is for; without any, all.",
    ),
]


@app.command("add")
def add(cli: Cli, name: Name, role: Role = None, scope: Scopes = None) -> None:
    """Make a key, and print its secret, which is never shown again."""
    from onema.cli.changes import create, given, made
    from onema.cli.output import say
    from onema.domain.configuration import documents as doc
    from onema.domain.configuration.key_lengths import OPERATOR_SECRET_BYTES, operator_secret_hash
    from onema.engine.ports import SystemEntropy

    secret = SystemEntropy().token(OPERATOR_SECRET_BYTES).hex()
    fields = given(role=role, scopes=scope)
    secret_hash = operator_secret_hash(secret.encode())
    key = made(doc.OperatorKey, name=name, secret_hash=secret_hash, **fields)
    create(cli, key, key=name, secret=secret)
    if not cli.json:
        say(f"key     {name}")
        say(f"secret  {secret}  (shown only now)")


@app.command("list")
def show_all(cli: Cli) -> None:
    """List operators' keys, without their secrets."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.OperatorKey)
    print_documents(cli, found, ("name", "role", "scopes", "state"))


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    role: Role = None,
    scope: Scopes = None,
    active: Annotated[bool | None, typer.Option(help="Whether it counts.", show_default=False)] = None,
) -> None:
    """Change what a key may do, or whether it counts."""
    from onema.cli.changes import edit, state_of
    from onema.domain.configuration import documents as doc

    edit(cli, doc.OperatorKey, name, role=role, scopes=scope, state=state_of(active))


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a key."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.OperatorKey, name)
