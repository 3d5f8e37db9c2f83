"""What a process's guard has found since somebody took it; it happens on the event loop's thread alone."""

from collections.abc import Sequence

from onema.domain.guard.found import EVERYBODY, Kind
from onema.domain.guard.prefix import PREFIX_DIGITS
from onema.domain.ids import AccountId
from onema.domain.refusals import Found
from onema.domain.values.phone import Phone, country_of

MOST_COUNTED = 5_000
"""Kinds of findings, over all accounts, that wait to be written down; further ones are in the metrics alone."""


class FindingTally:
    def __init__(self) -> None:
        self._counts: dict[AccountId, dict[Kind, int]] = {}
        """By account, and of all together."""
        self._size = 0

    def add(self, account: AccountId, phone: Phone | None, found: Sequence[Found], *, refused: bool) -> None:
        """`phone` is None of a message to several, of which nobody says for whose number it was refused."""
        country, prefix = (country_of(phone), phone[:-PREFIX_DIGITS]) if phone else ("", "")
        for one in found:
            kind = Kind(one.rule, one.mode, country, prefix, refused)
            for whose in (account, EVERYBODY):
                counts = self._counts.setdefault(whose, {})
                if kind not in counts:
                    if self._size >= MOST_COUNTED:
                        continue
                    self._size += 1
                counts[kind] = counts.get(kind, 0) + 1

    def take(self) -> dict[AccountId, dict[Kind, int]]:
        """It begins anew."""
        taken = {account: counts for account, counts in self._counts.items() if counts}
        self._counts, self._size = {}, 0
        return taken
