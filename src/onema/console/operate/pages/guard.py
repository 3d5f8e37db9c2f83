"""What the guard found lately, what it does for an account, and the forms that change it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.guard_requests import MOST_DAYS
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.domain.configuration import documents as doc
from onema.domain.configuration.guard_rules import REASONS, Mode, Rule
from onema.domain.configuration.guard_view import EVERYWHERE
from onema.domain.values.times import show_time

ALL = "-"
"""Stands for all accounts."""
_NUMBERS = ("seconds", "limit", "offset_minutes")


async def guard(visit: Visit) -> Response:
    accounts = await visit.accounts()
    every = visit.told("account") in ("", ALL) and not visit.viewer.account
    account = None if every else visit.chosen(accounts)
    days = MOST_DAYS if visit.told("days") == str(MOST_DAYS) else 1
    name = account.name if account else ""
    found = await visit.ask(ask.ReadFindings(account=name, days=days))
    in_force = await visit.ask(ask.ReadGuards(account=name)) if name else ()
    document = await _document(visit, name) if not visit.viewer.account else None
    return visit.render(
        "guard.html",
        accounts=accounts,
        account=account,
        every=every,
        days=days,
        since=show_time(found.since),
        rules=_by_rule(found.lines),
        lines=found.lines[:100],
        in_force=in_force,
        groups=_by_guard(in_force),
        every_rule=[(rule.value, REASONS[rule].value) for rule in Rule],
        twice=[(mode.value, mode.value) for mode in Mode],
        document=document,
        limits="\n".join(map(_as_line, document.limits)) if document else "",
        command=f"onema guard findings {name}".strip() + f" --days {days}",
    )


def _by_rule(lines: tuple[ask.FindingLine, ...]) -> list[dict[str, Any]]:
    """Each rule and mode that found something, with its sums."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        both = sums.setdefault((line.rule, line.reason, line.mode), [0, 0])
        both[0] += line.went_out
        both[1] += line.refused
    return [
        {"rule": rule, "reason": reason, "mode": mode, "went_out": out, "refused": refused}
        for (rule, reason, mode), (out, refused) in sorted(sums.items(), key=lambda one: -sum(one[1]))
    ]


def _by_guard(in_force: Sequence[ask.GuardInForce]) -> list[tuple[str, ask.GuardInForce]]:
    """(for whom, the guard that holds for all of them)."""
    groups: dict[str, list[ask.GuardInForce]] = {}
    for one in in_force:
        groups.setdefault(one.guard, []).append(one)
    return [(", ".join(one.of for one in group), group[0]) for group in groups.values()]


async def _document(visit: Visit, name: str) -> doc.Guard:
    """The guard that the form shows: the one named in the address, as it is or as it would begin."""
    wanted = visit.told("guard") or visit.form.text("guard") or name or EVERYWHERE
    found = await visit.ask(ask.ReadDocuments(kind="guard"))
    guards = {one.name: one for one in found.documents if isinstance(one, doc.Guard)}
    holding = (
        guards.get(wanted)
        or guards.get(wanted.partition("/")[0])
        or guards.get(EVERYWHERE)
        or doc.Guard(name=EVERYWHERE)
    )
    return msgspec.structs.replace(holding, name=wanted)


async def save(visit: Visit) -> str:
    """Change a guard, or make one that begins as the one that held so far."""
    form = visit.form
    name = form.text("guard") or EVERYWHERE
    before = await _document(visit, name)
    revision = (await visit.ask(ask.ReadDocuments(kind="guard"))).revision
    told = {rule.value: form.text(f"rule_{rule.value}") for rule in Rule}
    changed = form.document(
        visit.words,
        doc.Guard,
        **{
            **msgspec.structs.asdict(before),
            "name": name,
            "mode": form.text("mode"),
            "rules": {rule: mode for rule, mode in told.items() if mode},
            "countries": form.several("countries"),
            "allow": form.several("allow"),
            "price_ceiling": form.text("price_ceiling"),
            "limits": [_from_line(visit, line) for line in form.text("limits").splitlines() if line.strip()],
        },
    )
    await visit.put(changed, revision=revision)
    return _back(visit, name)


async def remove(visit: Visit) -> str:
    """Let the account's or the installation's guard hold again."""
    name = visit.form.text("guard")
    await visit.put(remove=(("guard", name),))
    return _back(visit, name.partition("/")[0])


def _back(visit: Visit, name: str) -> str:
    account = name.partition("/")[0]
    told = ALL if account == EVERYWHERE else account
    return f"/console/guard?account={told}&done=1"


def _as_line(limit: doc.GuardLimit) -> str:
    """Such as `per=phone seconds=60 limit=1 how=clock prefix=+86 offset_minutes=480`."""
    fields = msgspec.structs.fields(limit)
    values = ((field, getattr(limit, field.name)) for field in fields)
    return " ".join(
        f"{field.name}={value}" for field, value in values if field.required or value != field.default
    )


def _from_line(visit: Visit, line: str) -> dict[str, Any]:
    """Raises Unfit where it is no such line."""
    told: dict[str, Any] = dict(part.split("=", 1) for part in line.split() if "=" in part)
    for name in _NUMBERS:
        if name in told:
            try:
                told[name] = int(told[name])
            except ValueError as error:
                raise _bad_line(visit, line) from error
    if len(told) != len(line.split()) or not {"per", "seconds", "limit"} <= set(told):
        raise _bad_line(visit, line)
    return told


def _bad_line(visit: Visit, line: str) -> Unfit:
    visit.form.errors["limits"] = visit.words.say(
        "{line} is no limit: write it as the others are written.", line=line[:80]
    )
    return Unfit()


SECTION = Section("guard", "Guard", {"": guard}, actions={"": {"save": save, "remove": remove}})
