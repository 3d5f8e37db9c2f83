"""Where dialects say whom they refused: a line in the log, a count, and the last ones of each account in the store.

A flood of refusals must cost less than what it pretends to be. So the log gets one line per account and reason in a
second, the store one command per account in a second, and what is in memory between two of them is bounded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Command
from onema.domain.ids import AccountId
from onema.domain.note_refusals import KEPT_ENTRIES, NOBODY, NoteRefusals, RefusedRequest
from onema.domain.refusals import Refused
from onema.domain.values.phone import mask
from onema.engine.loops import Loop
from onema.telemetry.redaction import redact_text, safe

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
ACCOUNTS_AT_ONCE = 100
"""So many accounts' refusals are written down in one round; the others wait for the next."""
ACCOUNTS_WAITING = 1_000
"""Of so many accounts refusals wait in memory; those of further ones are counted and logged, but not kept."""
LINES_A_ROUND = 100
LONGEST_DETAIL = 200


class Asking(msgspec.Struct, gc=False):
    """Who asks for what, as far as a dialect has understood it: filled in on the way."""

    dialect: str
    client_ip: str
    account: AccountView | None = None
    application: str = ""
    phone: str = ""
    detail: str = ""
    """What an operator should know besides the reason. Never a code, a secret or a text."""


class _Waiting:
    """What was refused to one account since the last round."""

    __slots__ = ("entries", "total")

    def __init__(self) -> None:
        self.total = 0
        self.entries: dict[tuple[str, ...], RefusedRequest] = {}

    def add(self, entry: RefusedRequest) -> None:
        self.total += entry.times
        likeness = entry.likeness
        before = self.entries.pop(likeness, None)
        if before is not None:
            entry = msgspec.structs.replace(entry, since=before.since, times=before.times + entry.times)
        elif len(self.entries) == KEPT_ENTRIES:
            del self.entries[next(iter(self.entries))]
        self.entries[likeness] = entry


class Refusals:
    """Notes refusals from any dialect. Without `start` it writes down only when it is told to `save`."""

    def __init__(
        self,
        execute: Callable[[Command], Awaitable[Any]],
        now: Callable[[], int],
        count: Callable[[str, str], None] = lambda account, reason: None,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """`count` hears the account's name (empty where nobody has the key) and the reason of each."""
        self._execute = execute
        self._now = now
        self._count = count
        self._waiting: dict[int, _Waiting] = {}
        """By account; `save` takes them out."""
        self._logged: dict[tuple[int, str, str], int] = {}
        """How often each kind was refused since its line of this round was written."""
        self._unlogged = 0
        """How many of further kinds were refused in this round."""
        self._loop = Loop("refusals", self.save, every_seconds=every_seconds, pauses_first=True)

    def note(self, asking: Asking, reason: str) -> None:
        account = asking.account
        name, number = (account.name, account.id) if account is not None else ("", NOBODY)
        self._count(name, reason)
        phone = mask(asking.phone) if asking.phone else ""
        self._write_line(asking, reason, name, number, phone)
        waiting = self._waiting.get(number)
        if waiting is None:
            if len(self._waiting) >= ACCOUNTS_WAITING:
                return
            waiting = self._waiting[number] = _Waiting()
        now = self._now()
        waiting.add(
            RefusedRequest(
                at=now,
                since=now,
                times=1,
                dialect=asking.dialect,
                reason=reason,
                phone=phone,
                client=asking.client_ip,
                application=asking.application,
                detail=asking.detail[:LONGEST_DETAIL],
            )
        )

    def _write_line(self, asking: Asking, reason: str, name: str, number: int, phone: str) -> None:
        kind = (number, asking.dialect, reason)
        if kind in self._logged:
            self._logged[kind] += 1
            return
        if len(self._logged) >= LINES_A_ROUND:
            self._unlogged += 1
            return
        self._logged[kind] = 0
        log.info(
            "a request was refused",
            extra={
                "action": "refuse",
                "api": asking.dialect,
                "refusal": reason,
                "account": name,
                "application": asking.application,
                "number": safe(phone),
                "client": safe(asking.client_ip),
                "detail": asking.detail[:LONGEST_DETAIL],
            },
        )

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        await self.save()

    async def save(self) -> None:
        """Write down what waits, of so many accounts as one round takes; what cannot be written waits on."""
        self._end_round()
        taken = [(number, self._waiting.pop(number)) for number in list(self._waiting)[:ACCOUNTS_AT_ONCE]]
        if not taken:
            return
        now = self._now()
        commands = (
            NoteRefusals(
                account=AccountId(number),
                now=now,
                total=waiting.total,
                entries=tuple(map(_redacted, waiting.entries.values())),
            )
            for number, waiting in taken
        )
        results = await asyncio.gather(
            *(self._execute(command) for command in commands), return_exceptions=True
        )
        for (number, waiting), result in zip(taken, results, strict=True):
            if isinstance(result, Refused) and number not in self._waiting:
                self._waiting[number] = waiting  # the store is away; newer ones stand in its place

    def _end_round(self) -> None:
        """Say how many were refused without a line of their own."""
        more = sum(self._logged.values()) + self._unlogged
        if more:
            log.info(
                "more requests were refused for the same reasons", extra={"action": "refuse", "times": more}
            )
        self._logged.clear()
        self._unlogged = 0


def _redacted(entry: RefusedRequest) -> RefusedRequest:
    return msgspec.structs.replace(entry, detail=redact_text(entry.detail)) if entry.detail else entry
