"""`onema statistics`: what became of messages, and what it cost."""

from typing import Annotated

import typer

from onema.administration.statistics_requests import StatisticsLine
from onema.cli.command import Cli, Commands

app = Commands()

_COLUMNS = ("messages", "sent", "delivered", "codes", "verified")


@app.command()
def statistics(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Of which account; of all together without one.")] = "",
    by: Annotated[
        str,
        typer.Option(
            help="hour, day, channel, carrier, operator, network, country, prefix or template; nothing sums it up."
        ),
    ] = "",
    since: Annotated[
        str, typer.Option(help="From when on, as 2026-11-29 or 2026-11-29T08:00Z; --days say it otherwise.")
    ] = "",
    days: Annotated[
        int, typer.Option(min=1, help="The last 24 hours, or the last so many days with the one under way.")
    ] = 1,
    until: Annotated[str, typer.Option(help="Before when. Now without it.")] = "",
) -> None:
    """Show how many messages were sent, delivered and verified, what they cost, and what a verified number cost.

    A line "*" stands for all further values together.
    """
    import msgspec

    from onema.administration.requests import ReadStatistics
    from onema.cli.output import CliError, print_json, say
    from onema.domain.values.money import format_amount
    from onema.domain.values.times import parse_time, show_time

    try:
        begin, end = parse_time(since), parse_time(until)
    except ValueError as error:
        raise CliError(f"That is no time: {error}.") from None
    try:
        request = msgspec.convert(
            {
                "request": "read_statistics",
                "account": account,
                "since": begin,
                "until": end,
                "days": days,
                "by": by,
            },
            ReadStatistics,
        )
    except msgspec.ValidationError:
        raise CliError(f"Nothing is counted by {by!r}. Try: onema statistics --help") from None
    with cli.session() as session:
        found = session.answer(request)

    def members(one: StatisticsLine, currency: str) -> dict[str, object]:
        per_verified = one.per_verified
        return {
            "value": one.value,
            **({"told": one.told} if one.told else {}),
            **{name: getattr(one, name) for name in _COLUMNS},
            "currency": currency,
            "charged": format_amount(one.charged),
            "per_verified": None if per_verified is None else format_amount(per_verified),
        }

    if cli.json:
        print_json(
            {
                "since": show_time(found.since),
                "until": show_time(found.until),
                "counted_at": show_time(found.counted_at),
                "totals": [members(one.total, one.currency) for one in found.currencies],
                "lines": [members(line, one.currency) for one in found.currencies for line in one.lines],
            }
        )
        return
    say(
        f"from {show_time(found.since)} to {show_time(found.until)}, counted at {show_time(found.counted_at)}"
    )
    head = "".join(f"{name:>11}" for name in _COLUMNS)
    say(f"{by:<30}{head}{'charged':>16}{'per verified':>16}")
    for one in found.currencies:
        for line in (*one.lines, one.total):
            told = members(line, one.currency)
            name = str(told.get("told") or line.value or "all")[:29]
            counts = "".join(f"{told[column]:>11}" for column in _COLUMNS)
            paid = f"{told['charged']} {one.currency}"
            say(f"{name:<30}{counts}{paid:>16}{told['per_verified'] or '':>16}")
