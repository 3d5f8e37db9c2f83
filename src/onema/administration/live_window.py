"""The last minutes, added up: what all processes have written down of them."""

import msgspec

from onema.administration.requests import Now, ReadNow
from onema.domain.configuration.named_account import account_by_name
from onema.domain.live_figures import SLOT_MS, WINDOW_MS, Counted, percentile
from onema.domain.values.money import Minor
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

_SLOTS = WINDOW_MS // SLOT_MS
_LATE_SLOTS = 5
"""For so many slots a row may come after others: processes write when they are done, by clocks of their own."""
_LATELY_SLOTS = 5
"""What happens a second is counted over so many slots."""
_decoder = msgspec.json.Decoder(dict[str, Counted])
EVERYBODY = "*"


class LiveWindow:
    """Reads what is new since it was asked last; what was counted once is not added up again. Asked by many at the same
    moment it reads once.
    """

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage
        self._rows: dict[tuple[int, str], dict[str, Counted]] = {}
        """By slot and process, what was counted by account."""
        self._sums: dict[str, Counted] = {}
        """Of all rows, by account."""
        self._read_at = 0
        """The slot in which the store was read last."""

    async def read(self, request: ReadNow) -> Now:
        """Raises Refused."""
        directory = self._gateway.directory
        if request.account:
            account_by_name(directory, request.account)
        now = self._gateway.now()
        await self._refresh(now // SLOT_MS)
        account = request.account or EVERYBODY
        counted = self._sums.get(account, Counted())
        spent: dict[str, Minor] = {}
        for name in [request.account] if request.account else list(self._sums):
            if name in directory.account_named and (paid := self._sums.get(name, Counted()).charged):
                currency = directory.account_named[name].document.currency
                spent[currency] = Minor(spent.get(currency, 0) + paid)
        series = self._series(account, now // SLOT_MS)
        lately = series[-1 - _LATELY_SLOTS : -1]
        return Now(
            at=now,
            seconds=WINDOW_MS // 1000,
            slot_seconds=SLOT_MS // 1000,
            messages=counted.messages,
            codes=counted.codes,
            ended=counted.ended,
            delivered=counted.delivered,
            verified=counted.verified,
            per_second=round(sum(lately) / (_LATELY_SLOTS * SLOT_MS / 1000), 1),
            half_within_ms=percentile(counted.times, 0.5),
            most_within_ms=percentile(counted.times, 0.99),
            spent=spent,
            refusals={reason: amount for reason, amount in counted.refusals.items() if amount > 0},
            series=tuple(series),
        )

    async def _refresh(self, slot: int) -> None:
        first = slot - _SLOTS
        if self._read_at < slot:
            since = max(first, self._read_at - _LATE_SLOTS)
            self._read_at = slot
            for row in await self._storage.read_live_figures(since):
                if (row.slot, row.process) not in self._rows:
                    self._take_in(row.slot, row.process, row.figures)
        for key in [key for key in self._rows if key[0] < first]:
            self._add(self._rows.pop(key), -1)

    def _take_in(self, slot: int, process: str, figures: str) -> None:
        try:
            counted = _decoder.decode(figures)
        except msgspec.ValidationError:
            # One of another version may say it in other words.
            counted = {}
        everything = Counted()
        for one in counted.values():
            everything.add(one)
        counted[EVERYBODY] = everything
        self._rows[slot, process] = counted
        self._add(counted)

    def _add(self, counted: dict[str, Counted], sign: int = 1) -> None:
        for account, one in counted.items():
            self._sums.setdefault(account, Counted()).add(one, sign)

    def _series(self, account: str, slot: int) -> list[int]:
        codes = [0] * _SLOTS
        for (at, _), counted in self._rows.items():
            place = at - (slot - _SLOTS) - 1
            if 0 <= place < _SLOTS and account in counted:
                codes[place] += counted[account].codes
        return codes
