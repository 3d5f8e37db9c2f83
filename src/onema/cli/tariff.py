from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.domain.configuration.documents import Rate

app = Commands(
    help="Price lists: per SMS segment, and per started period of a call. The longest prefix wins."
)

Name = Annotated[str, typer.Argument(help="The price list's name.")]


@app.command("set")
def put(
    cli: Cli,
    name: Name,
    rate: Annotated[
        list[str],
        typer.Option(help="sms:+84=850 per segment; call:+84=600/60 per started 60 seconds. May repeat."),
    ],
) -> None:
    """Make a price list, or replace all its rates."""
    from onema.administration.requests import PutDocuments
    from onema.cli.changes import print_changes
    from onema.domain.configuration import documents as doc

    tariff = doc.Tariff(name=name, rates=tuple(_rate(text) for text in rate))
    with cli.session(creates=True) as session:
        changes = session.answer(PutDocuments(documents=(tariff,)))
    print_changes(cli, changes)


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a price list that no account uses."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Tariff, name)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List prices."""
    from onema.cli.changes import shown_fields
    from onema.cli.output import print_json, print_table
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        tariffs = session.of_kind(doc.Tariff)
    if cli.json:
        print_json([shown_fields(tariff) for tariff in tariffs])
        return
    rows = [
        (
            tariff.name,
            rate.channel,
            rate.prefix,
            rate.price,
            f"{rate.period} s" if rate.channel == "call" else "segment",
        )
        for tariff in tariffs
        for rate in tariff.rates
    ]
    print_table(("tariff", "channel", "prefix", "price", "per"), rows)


def _rate(text: str) -> "Rate":
    import re

    import msgspec

    from onema.cli.output import CliError
    from onema.domain.configuration.documents import Rate

    match = re.fullmatch(r"(sms|call):(\+\d*)=([0-9.]+)(?:/(\d+))?", text)
    if match is None or (match[1] == "sms" and match[4]):
        raise CliError(f"{text!r} is not a rate such as sms:+84=850 or call:+84=600/60.")
    rate = {"channel": match[1], "prefix": match[2], "price": match[3]}
    return msgspec.convert({**rate, "period": int(match[4] or 60)}, Rate)
