from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Keys and secrets. Two per account (or application) and dialect may live.")

Dialect = Annotated[str, typer.Argument(help="The API that it is for, such as esms.")]
Key = Annotated[str, typer.Argument(help="The public key.")]


@app.command("add")
def add(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Whose it is.")],
    dialect: Dialect,
    application: Annotated[str, typer.Option(help="The application that it speaks for.")] = "",
    key: Annotated[str | None, typer.Option(help="Take this key over instead of making one.")] = None,
    secret_stdin: Annotated[bool, typer.Option("--secret-stdin", help="Read the secret from stdin.")] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="verify, read or admin: what onema's own API lets it do; the first two where none is said."
        ),
    ] = None,
) -> None:
    """Make a key and a secret, and print them: the secret is never shown again."""
    import sys

    from onema.cli.changes import create
    from onema.cli.output import say
    from onema.domain.configuration import documents as doc
    from onema.domain.configuration.key_lengths import KEY_BYTES, SECRET_BYTES
    from onema.engine.ports import SystemEntropy

    entropy = SystemEntropy()
    secret = sys.stdin.read().strip() if secret_stdin else entropy.token(SECRET_BYTES).hex().upper()
    credential = doc.Credential(
        account=account,
        dialect=dialect,
        key=entropy.token(KEY_BYTES).hex().upper() if key is None else key,
        secret=secret,
        application=application,
        scopes=tuple(scope or ()),  # type: ignore[arg-type]  # another word is refused when it is saved
    )
    create(cli, credential, key=credential.key, secret="" if secret_stdin else secret)
    if not cli.json:
        say(f"key     {credential.key}")
        if not secret_stdin:
            say(f"secret  {secret}  (shown only now)")


@app.command("list")
def show_all(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List credentials, without their secrets."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Credential, account)
    print_documents(cli, found, ("account", "dialect", "key", "application", "scopes", "state"))


@app.command("revoke")
def revoke(
    cli: Cli,
    dialect: Dialect,
    key: Key,
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget it instead of keeping it inactive.")
    ] = False,
) -> None:
    """Let a key work no more."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    identity = f"{dialect}/{key}"
    if remove:
        changes.remove(cli, doc.Credential, identity)
    else:
        changes.edit(cli, doc.Credential, identity, state="inactive")
