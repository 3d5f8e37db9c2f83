from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(
    help="Windows: how often something may happen to a phone, an account, an address or a hotline."
)


@app.callback()
def window() -> None:
    """Windows: how often something may happen to a phone, an account, an address or a hotline."""


@app.command("reset")
def reset(
    cli: Cli,
    account: Annotated[
        str, typer.Argument(help="Whose windows; not for --hotline.", show_default=False)
    ] = "",
    phone: Annotated[
        str, typer.Option(help="This phone's, its wrong checks too, instead of the account's own.")
    ] = "",
    client_ip: Annotated[str, typer.Option(help="This address's instead of the account's own.")] = "",
    hotline: Annotated[str, typer.Option(help="This hotline's daily cap, which all accounts share.")] = "",
) -> None:
    """Count anew from now on, as if nothing had been sent."""
    from onema.administration.requests import ResetCounting
    from onema.cli.output import CliError, print_json, print_table
    from onema.domain.codes.limits import counters_of

    if bool(account) == bool(hotline) or (hotline and (phone or client_ip)):
        raise CliError("Name an account, with --phone or --client-ip if you like; or else a --hotline.")
    request = ResetCounting(account=account, phone=phone, client_ip=client_ip, hotline=hotline)
    with cli.session() as session:
        found = session.answer(request)
    rows = [
        (window.scope, window.subject, seconds, used)
        for window in found
        for seconds, (_, used) in counters_of(window).items()
    ]
    if cli.json:
        print_json([dict(zip(("scope", "subject", "seconds", "used"), row, strict=True)) for row in rows])
    else:
        print_table(("reset", "of", "seconds", "used"), [[str(cell) for cell in row] for row in rows])
