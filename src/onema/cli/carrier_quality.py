"""`onema carrier quality`: what carriers made of first attempts."""

from typing import Annotated

import typer

from onema.administration.statistics_requests import QualityLine, percent
from onema.cli.command import Cli


def quality(
    cli: Cli,
    days: Annotated[int, typer.Option(min=1, max=90, help="Of the last so many days, and today.")] = 7,
    by: Annotated[str, typer.Option(help="carrier; operator or prefix of the numbers, too.")] = "carrier",
) -> None:
    """Show how many codes came back that a carrier was the first to get, how many receipts came, and how soon.

    Messages of which the guard found something are left out.
    """
    import msgspec
    from msgspec.structs import asdict

    from onema.administration.requests import ReadQuality
    from onema.cli.output import CliError, print_json, print_table

    try:
        request = msgspec.convert({"request": "read_quality", "days": days, "by": by}, ReadQuality)
    except msgspec.ValidationError:
        raise CliError(f"{by!r} is none of carrier, operator and prefix.") from None
    with cli.session() as session:
        found = session.answer(request)
    if cli.json:
        print_json([asdict(one) for one in found])
        return
    columns = (
        "channel",
        "carrier",
        "operator",
        "prefix",
        "tried",
        "codes",
        "verified",
        "receipts",
        "arrived",
    )
    print_table((*columns, "half within"), [_row(one) for one in found])


def _row(one: QualityLine) -> tuple[str, ...]:
    return (
        one.channel,
        one.carrier,
        one.operator,
        one.prefix,
        str(one.tried),
        str(one.tried_codes),
        percent(one.tried_verified, one.tried_codes),
        percent(one.told, one.tried),
        percent(one.arrived, one.tried),
        f"{one.half_within} s" if one.half_within else "",
    )
