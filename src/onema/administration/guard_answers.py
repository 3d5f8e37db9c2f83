"""Answers what is asked of the guard."""

from onema.administration.guard_requests import (
    MOST_DAYS,
    FindingLine,
    Findings,
    GuardInForce,
    ReadFindings,
    ReadGuards,
)
from onema.domain.configuration.guard_rules import REASONS, Rule
from onema.domain.configuration.guard_view import EVERYWHERE, GuardView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.guard.country import HOUR_MS
from onema.domain.guard.found import EVERYBODY, added, key_of, packed
from onema.domain.guard.rows import GuardSubject
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

MOST_LINES = 500
"""Of a report; what was found most."""


class GuardAnswers:
    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage

    async def findings(self, request: ReadFindings) -> Findings:
        directory = self._gateway.directory
        account = account_by_name(directory, request.account).id if request.account else EVERYBODY
        days = max(1, min(request.days, MOST_DAYS))
        last = self._gateway.now() // HOUR_MS
        first = last - 24 * days + 1
        rows = await self._storage.read([key_of(account, hour) for hour in range(first, last + 1)])
        states = [packed.of(row).counts for row in rows.values() if isinstance(row, GuardSubject)]
        counted: dict[tuple[str, str, str, str], list[int]] = {}
        for kind, times in added(*states, most=100_000).items():
            both = counted.setdefault((kind.rule, kind.mode, kind.country, kind.prefix), [0, 0])
            both[kind.refused] += times
        lines = [
            FindingLine(
                rule, REASONS[Rule(rule)].value if rule in set(Rule) else "", mode, country, prefix, *both
            )
            for (rule, mode, country, prefix), both in counted.items()
        ]
        lines.sort(key=lambda line: (-line.went_out - line.refused, line.rule, line.prefix))
        return Findings(first * HOUR_MS, tuple(lines[:MOST_LINES]))

    async def guards(self, request: ReadGuards) -> tuple[GuardInForce, ...]:
        directory = self._gateway.directory
        account = account_by_name(directory, request.account)
        active = sorted(name for name, one in account.applications.items() if one.document.state == "active")
        guards = directory.guards
        of_account = _in_force(request.account, guards.of(request.account, ""))
        return (
            of_account,
            *(_in_force(f"{request.account}/{name}", guards.of(request.account, name)) for name in active),
        )


def _in_force(of: str, view: GuardView) -> GuardInForce:
    document = view.document
    return GuardInForce(
        of=of,
        guard=document.name,
        rules={rule.value: mode.value for rule, mode in view.modes.items()},
        limits=document.limits,
        allow=document.allow if document.name != EVERYWHERE else (),
    )
