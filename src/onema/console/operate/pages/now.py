"""What happens at the moment, and goes on telling."""

from typing import Any

from starlette.responses import Response

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.administration.carriers_together import all_together
from onema.console.operate.frame import Section, Visit
from onema.domain.configuration.documents import Account
from onema.domain.values.money import format_amount

_MOST_REASONS = 12


async def now(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = _named(visit, accounts)
    return visit.render(
        "now.html",
        accounts=accounts,
        account=account,
        low=await visit.ask(theirs.ReadLowBalances(account=account)),
        command=f"onema now {account}".strip(),
        **await _figures(visit, account),
    )


async def events(visit: Visit) -> Response:
    """The moving part, sent anew while the page is open."""
    account = _named(visit, await visit.accounts())

    async def part() -> str:
        return visit.html("now_part.html", account=account, **await _figures(visit, account))

    return visit.follow(part, "now", account)


def _named(visit: Visit, accounts: list[Account]) -> str:
    """The account that is looked at; empty for all."""
    if visit.viewer.account:
        return visit.viewer.account
    named = visit.told("account")
    return named if any(one.name == named for one in accounts) else ""


async def _figures(visit: Visit, account: str) -> dict[str, Any]:
    found = await visit.ask(ask.ReadNow(account=account))
    carriers = [] if visit.viewer.account or account else all_together(await visit.ask(ask.ReadCarriers()))
    refusals = sorted(found.refusals.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "now": found,
        "minutes": found.seconds // 60,
        "delivered": _percent(found.delivered, found.ended),
        "verified": _percent(found.verified, found.codes),
        "half_within": _seconds(found.half_within_ms),
        "most_within": _seconds(found.most_within_ms),
        "spent": [(format_amount(amount), currency) for currency, amount in sorted(found.spent.items())],
        "refusals": refusals[:_MOST_REASONS],
        "carriers": carriers,
        "series": ",".join(map(str, found.series)),
    }


def _percent(part: int, whole: int) -> str:
    """Of a whole that was counted a little before its part, so that the part may be larger; empty without any."""
    return f"{min(100.0, 100 * part / whole):.1f}" if whole > 0 else ""


def _seconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1_000 else f"{milliseconds / 1000:.1f} s"


SECTION = Section("now", "Now", {"": now, "/events": events})
