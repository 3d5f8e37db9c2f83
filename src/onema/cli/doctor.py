from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.cli.finding import Finding

app = Commands()


@app.command()
def doctor(
    cli: Cli,
    call: Annotated[
        str | None,
        typer.Option(
            help="Place a real call over this trunk instead, and say what was heard.", metavar="TRUNK"
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The number to call.", show_default="the trunk's probe_number")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT where that number ends: the call is answered and heard there.",
            show_default="the trunk's probe_listen",
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Whose message it is.", show_default="the only one")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="Who reads the code.", show_default="vi-north")] = None,
    seconds: Annotated[
        int, typer.Option(min=5, max=600, help="How long the call may take, from the request to its end.")
    ] = 90,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Report instead whether the configuration is as a standard or a country asks: nist, asvs-l2, psd2, "
            "vn, cn, in, au or sg.",
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """Look for what is wrong with this installation, and say what helps. Exit code 1 when something fails.

    With --call the running server places a call that costs nothing over exactly this trunk, and reads six digits out.
    With --profile each line has its source; what does not hold is a failure, and what nothing here knows is said to be
    somebody else's to check.
    """
    from onema.cli.checkup import examine
    from onema.cli.output import CliError

    if profile is not None:
        if call is not None:
            raise CliError("--profile and --call do not belong together.")
        from onema.cli.compliance import report

        report(cli, profile)
        return
    if call is None:
        if any((to, listen, account, voice)):
            raise CliError("--to, --listen, --account and --voice belong to --call.")
        _tell(cli, list(examine(cli.settings())))
        return
    _tell(cli, _try(cli, call, to or "", listen or "", account or "", voice or "", seconds))


def _try(
    cli: Cli, carrier: str, to: str, listen: str, account: str, voice: str, seconds: int
) -> "list[Finding]":
    from onema.cli.trial_call import TrialCall, make
    from onema.speech.voices import Voices

    own = cli.settings().data / "voices"
    voices = Voices.load(*([own] if own.is_dir() else []))
    with cli.session() as session:
        asked = TrialCall(
            carrier=carrier, to=to, listen=listen, account=account, voice=voice, seconds=seconds
        )
        return make(session, voices, asked)


def _tell(cli: Cli, findings: "list[Finding]") -> None:
    from onema.cli.finding import Level
    from onema.cli.output import print_json, say_below

    if cli.json:
        print_json(
            [
                {"level": str(found.level), "what": found.what, "detail": found.detail, "hint": found.hint}
                for found in findings
            ]
        )
    else:
        for found in findings:
            say_below(f"{found.level:<4}  {found.what}: {found.detail}", " " * 6)
            if found.hint:
                say_below(f"      -> {found.hint}", " " * 9)
    if any(found.level is Level.FAIL for found in findings):
        raise typer.Exit(1)
