"""`onema now`: what happens at the moment."""

from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def now(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Of which account; of all without one.")] = "",
) -> None:
    """Show codes a second, how much was delivered and verified, how soon, what it cost, and why requests were
    refused, in the last minutes.
    """
    from onema.administration.requests import ReadNow
    from onema.cli.output import print_json, say
    from onema.domain.values.money import format_amount
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = session.answer(ReadNow(account=account))
    spent = {currency: format_amount(amount) for currency, amount in sorted(found.spent.items())}
    shown = {
        "at": show_time(found.at),
        "seconds": found.seconds,
        "codes_a_second": found.per_second,
        "messages": found.messages,
        "codes": found.codes,
        "ended": found.ended,
        "delivered": found.delivered,
        "verified": found.verified,
        "half_delivered_within_ms": found.half_within_ms,
        "99_of_100_within_ms": found.most_within_ms,
    }
    if cli.json:
        print_json({**shown, "spent": spent, "refusals": found.refusals})
        return
    for name, value in shown.items():
        say(f"{name:<26} {'' if value is None else value}")
    for currency, amount in spent.items():
        say(f"{'spent':<26} {amount} {currency}")
    for reason, times in sorted(found.refusals.items(), key=lambda pair: -pair[1]):
        say(f"{'refused: ' + reason:<26} {times}")
