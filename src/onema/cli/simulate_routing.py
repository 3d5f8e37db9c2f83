"""`onema simulate routing`: what other ways of choosing carriers would have brought."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli

if TYPE_CHECKING:
    from onema.domain.delivery.replay import Drawn, Replayed

_MOST = 200_000
_PAGE = 5_000


def routing(
    cli: Cli,
    days: Annotated[int, typer.Option(min=1, help="Of the last so many days.")] = 7,
    account: Annotated[str, typer.Option(help="Of which account's codes; of all without one.")] = "",
    cost: Annotated[
        list[str],
        typer.Option(
            metavar="CARRIER=N",
            help="What a message by the carrier costs, in thousandths of what a verified code is worth; the route's "
            "own where nothing is said. May repeat.",
        ),
    ] = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Replay the installation's own log: by weight as it was, each carrier alone, and by result.

    Only codes whose carrier was drawn by weight tell anything, so it needs some days of routes of one prefix and
    priority with weights. It changes nothing.
    """
    from onema.administration.requests import ReadDocuments, ReadRoutingLog
    from onema.cli.output import CliError, print_json, print_table, say
    from onema.domain.configuration import documents as doc
    from onema.domain.delivery.replay import (
        TriedFirst,
        drawn_in,
    )
    from onema.domain.ids import first_id_at

    now = int(time.time() * 1000)
    log: list[TriedFirst] = []
    with cli.session() as session:
        documents = session.answer(ReadDocuments(kind="route")).documents
        costs = {one.carrier: one.cost_per_mille for one in documents if isinstance(one, doc.Route)}
        accounts = session.answer(ReadDocuments(kind="account")).documents
        names = [one.name for one in accounts if isinstance(one, doc.Account) and account in ("", one.name)]
        for name in names:
            first = first_id_at(now - days * 86_400_000)
            while len(log) < _MOST:
                request = ReadRoutingLog(account=name, first=first, before=first_id_at(now), limit=_PAGE)
                page = session.answer(request)
                log += page
                if len(page) < _PAGE:
                    break
                first = page[-1].message + 1
    for one in cost:
        carrier, _, told = one.partition("=")
        if not told.isdigit():
            raise CliError(f"{one!r} is no cost: write CARRIER=N, N in thousandths.")
        costs[carrier] = int(told)
    drawn = drawn_in(log)
    found = [line for channel in ("sms", "call") for line in _replays(channel, drawn, costs)]
    if cli.json:
        lines = [
            {
                "channel": channel,
                "policy": one.name,
                "messages": one.messages,
                "verified": one.verified,
                "share": round(one.share, 4),
                "uncertainty": round(one.uncertainty, 4),
                "worth": round(one.worth, 4),
            }
            for channel, one in found
        ]
        print_json({"first_attempts": len(log), "drawn_by_weight": len(drawn), "policies": lines})
        return
    say(f"{len(log)} first attempts of codes, {len(drawn)} drawn by weight")
    if not drawn:
        say("None tells anything: it takes routes of one prefix and priority with weights.")
        return
    print_table(
        ("channel", "policy", "tells", "verified", "worth of a message"),
        [
            (
                channel,
                one.name,
                str(one.messages),
                f"{100 * one.share:.1f} % ± {100 * one.uncertainty:.1f}" if one.messages else "",
                f"{one.worth:.3f}" if one.messages else "",
            )
            for channel, one in found
        ],
    )


def _replays(channel: str, drawn: "list[Drawn]", costs: dict[str, int]) -> "list[tuple[str, Replayed]]":
    """What each way would have brought of one channel's."""
    from onema.domain.delivery.replay import Always, ByResult, Policy, as_it_was, replayed

    log = [one for one in drawn if one.tried.channel == channel]
    if not log:
        return []
    carriers = sorted({carrier for one in log for carrier in one.weights})
    policies: list[Policy] = [*(Always(carrier) for carrier in carriers), ByResult(costs)]
    found = [as_it_was(log, costs), *(replayed(policy, log, costs) for policy in policies)]
    return [(channel, one) for one in found]
