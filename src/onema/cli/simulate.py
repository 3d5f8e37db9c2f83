"""`onema simulate`: the other side of carriers, for tests without one."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands
from onema.cli.simulate_attack import attack
from onema.cli.simulate_routing import routing

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from onema.channels.voice_sip.answering.phone import Recording
    from onema.domain.configuration.carrier_settings import CarrierSettings
    from onema.testing.callee.script import Script as CalleeScript
    from onema.testing.smsc.script import Script
    from onema.testing.smsc.smsc import Sms

app = Commands(
    help="Networks and attackers that are not there: what carriers and the guard can be tried with."
)
app.command("attack")(attack)
app.command("routing")(routing)


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

    from onema.testing.smsc.script import Script, script_of

    if settings:
        _list_settings(cli, Script)
        return
    with _refusals(script):
        found = script_of(_table(script, setting, Script))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(cli, found, host, port, _tls(tls_certificate, tls_key)))


def _list_settings(cli: Cli, kind: "type[CarrierSettings]") -> None:
    from onema.cli.output import print_json, print_table
    from onema.domain.configuration.carrier_settings import described

    # What a rule changes is what stands at the top.
    told = [row for row in described(kind) if not row.name.startswith("rules[].then.")]
    if cli.json:
        print_json([row._asdict() for row in told])
    else:
        print_table(("setting", "type", "default", "meaning"), told)


def _table(file: Path | None, options: list[str], kind: "type[CarrierSettings]") -> dict[str, Any]:
    """What a script's file and options say together. Raises CliError."""
    import tomllib

    from onema.cli.carrier_options import put_over, told
    from onema.cli.output import CliError

    table: dict[str, Any] = {}
    try:
        if file is not None:
            table = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CliError(f"{file}: {error}.") from error
    return put_over(table, told(options, None), kind)


@contextlib.contextmanager
def _refusals(file: Path | None) -> "Iterator[None]":
    """Say what is wrong with a script. Raises CliError."""
    from onema.cli.output import CliError
    from onema.testing.scripts import ScriptRefused

    try:
        yield
    except ScriptRefused as refused:
        raise CliError(f"{file or '--setting'}: {refused}.", problems=refused.problems) from refused


def _tls(certificate: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    """Raises CliError."""
    import ssl

    from onema.cli.output import CliError

    if key and not certificate:
        raise typer.BadParameter("it belongs to a --tls-certificate.", param_hint="--tls-key")
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


@app.command("callee")
def callee(
    cli: Cli,
    host: Annotated[
        str, typer.Option(help="Address to listen on, as callers reach it: audio comes there too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of UDP and TCP; 0 takes any.")] = 5070,
    script: Annotated[
        Path | None, typer.Option(help="TOML file that says what it does.", exists=True, dir_okay=False)
    ] = None,
    setting: Annotated[
        list[str],
        typer.Option(help="ring_seconds=2: put over the script. May repeat; --settings lists all."),
    ] = [],  # noqa: B006  # typer needs a list, and nobody changes it
    settings: Annotated[
        bool, typer.Option("--settings", help="List what a script may say, and end.")
    ] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM file; with it the port takes TLS instead of TCP.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file with the certificate's private key.")] = None,
) -> None:
    """Be phones that SIP trunks can call, until Ctrl-C.

    Every call is printed when it ended: who called whom, how long it rang and was talked, the code that was heard, and
    what of the audio was lost.
    """
    import asyncio

    from onema.testing.callee.script import Script, script_of

    if settings:
        _list_settings(cli, Script)
        return
    with _refusals(script):
        found = script_of(_table(script, setting, Script))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_answer(cli, found, host, port, _tls(tls_certificate, tls_key)))


async def _answer(
    cli: Cli, script: "CalleeScript", host: str, port: int, tls: "ssl.SSLContext | None"
) -> None:
    import asyncio

    from onema.cli.output import complain
    from onema.speech.voices import Voices
    from onema.testing.callee.callee import Callee

    def show(recording: "Recording") -> None:
        _print_call(cli, recording)

    own = cli.settings().data / "voices"
    voices = Voices.load(*([own] if own.is_dir() else []))
    async with Callee(script, host=host, port=port, tls=tls, voices=voices, on_call=show) as callee:
        ways = "UDP and TLS" if tls else "UDP and TCP"
        complain(f"Phones listen on {host}:{callee.port} ({ways}); Ctrl-C ends it.")
        await asyncio.Event().wait()


def _print_call(cli: Cli, recording: "Recording") -> None:
    import json
    import sys

    from onema.cli.output import say

    heard = recording.heard
    if cli.json:
        told = {
            "from": recording.caller,
            "to": recording.called,
            "headers": dict(recording.identities),
            "transport": recording.transport,
            "status": recording.status,
            "ended_by": recording.ended_by,
            "ring_seconds": recording.ring_seconds,
            "talk_seconds": recording.talk_seconds,
            "codec": recording.codec,
            "code": recording.code,
            "voice": heard.voice if heard is not None else None,
            "repeats": heard.repeats if heard is not None else 0,
            "pressed": recording.pressed,
            "packets": recording.packets,
            "lost": recording.lost,
            "jitter_ms": recording.jitter_ms,
        }
        say(json.dumps(told, ensure_ascii=False))
    else:
        say(_in_words(recording))
    sys.stdout.flush()


def _in_words(recording: "Recording") -> str:
    heard = recording.heard
    told = [f"{recording.caller} -> {recording.called}", f"rang {recording.ring_seconds:.1f} s"]
    if not recording.talk_seconds:
        told.append(f"{recording.status}" if recording.status else "no answer")
        return "  ".join(told)
    told.append(f"talked {recording.talk_seconds:.1f} s")
    if heard is not None:
        times = f" {heard.repeats} times" if heard.repeats > 1 else ""
        told.append(f"heard {heard.code}{times} ({heard.voice})")
    else:
        told.append("heard no code")
    if recording.codec:
        told.append(
            f"{recording.codec}, {recording.lost} of {recording.packets + recording.lost} packets lost"
        )
    if recording.pressed:
        told.append(f"pressed {recording.pressed}")
    return "  ".join(told)
