"""`onema simulate`: the other side of carriers, for tests without one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    import ssl

    from onema.testing.smsc.script import Script
    from onema.testing.smsc.smsc import Sms

app = Commands(help="Networks that are not there: what carriers can be tried with.")


@app.command("smsc")
def smsc(
    cli: Cli,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any.")] = 2775,
    script: Annotated[
        Path | None, typer.Option(help="TOML file that says what it does.", exists=True, dir_okay=False)
    ] = None,
    setting: Annotated[
        list[str],
        typer.Option(help="receipt_seconds=2: put over the script. May repeat; --settings lists all."),
    ] = [],  # noqa: B006  # typer needs a list, and nobody changes it
    settings: Annotated[
        bool, typer.Option("--settings", help="List what a script may say, and end.")
    ] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file; with it the links are TLS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file with the certificate's private key.")] = None,
) -> None:
    """Be an SMSC that SMPP carriers can bind to, until Ctrl-C.

    Every message that comes to its phone is printed, and shown on the handset's page of the server that runs on the
    data folder.
    """
    import asyncio
    import contextlib

    if settings:
        _list_settings(cli)
        return
    if tls_key and not tls_certificate:
        raise typer.BadParameter("it belongs to a --tls-certificate.", param_hint="--tls-key")
    found = _script(script, setting)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(cli, found, host, port, _tls(tls_certificate, tls_key)))


def _list_settings(cli: Cli) -> None:
    from onema.cli.output import print_json, print_table
    from onema.domain.configuration.carrier_settings import described
    from onema.testing.smsc.script import Script

    # What a rule changes is what stands at the top.
    told = [row for row in described(Script) if not row.name.startswith("rules[].then.")]
    if cli.json:
        print_json([row._asdict() for row in told])
    else:
        print_table(("setting", "type", "default", "meaning"), told)


def _script(file: Path | None, options: list[str]) -> "Script":
    """Raises CliError."""
    import tomllib

    from onema.cli.carrier_options import put_over, told
    from onema.cli.output import CliError
    from onema.testing.smsc.script import Script, ScriptRefused, script_of

    table: dict[str, Any] = {}
    try:
        if file is not None:
            table = tomllib.loads(file.read_text())
        return script_of(put_over(table, told(options, None), Script))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CliError(f"{file}: {error}.") from error
    except ScriptRefused as refused:
        raise CliError(f"{file or '--setting'}: {refused}.", problems=refused.problems) from refused


def _tls(certificate: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    """Raises CliError."""
    import ssl

    from onema.cli.output import CliError

    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CliError(f"{certificate}: {error}.") from error
    return context


async def _serve(cli: Cli, script: "Script", host: str, port: int, tls: "ssl.SSLContext | None") -> None:
    import asyncio

    from onema.cli.handset_page import HandsetPage
    from onema.cli.output import complain
    from onema.testing.smsc.smsc import Smsc

    page = HandsetPage(cli.settings())

    def show(sms: "Sms") -> None:
        _print(cli, sms)
        page.show(sms.phone, sms.sender, sms.text)

    async with page, Smsc(script, host=host, port=port, tls=tls, on_message=show) as smsc:
        complain(f"An SMSC listens on {host}:{smsc.port}{' (TLS)' if tls else ''}; Ctrl-C ends it.")
        await asyncio.Event().wait()


def _print(cli: Cli, sms: "Sms") -> None:
    import json
    import sys

    from onema.cli.output import say

    if cli.json:
        told = {"system_id": sms.system_id, "from": sms.sender, "to": sms.phone, "text": sms.text}
        # One line each, for programs that read along.
        say(json.dumps(told, ensure_ascii=False))
    else:
        say(f"{sms.sender} -> {sms.phone}  {sms.text}")
    sys.stdout.flush()
