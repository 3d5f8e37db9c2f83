"""What a process has counted since somebody took it: for pages that are live. Counting costs a code about a
microsecond; nothing here is locked, for it happens on the event loop's thread alone.
"""

from onema.domain.ids import time_of_id
from onema.domain.live_figures import Counted, bucket_of
from onema.domain.records import Message, MessageState


class LiveTally:
    def __init__(self) -> None:
        self._of_accounts: dict[int, Counted] = {}
        """By the account's number."""
        self._refusals: dict[str, dict[str, int]] = {}
        """By the account's name (empty: a key that nobody has), then by reason."""

    def accepted(self, message: Message) -> None:
        counted = self._of(message.account)
        counted.messages += 1
        if message.verification:
            counted.codes += 1

    def ended(self, message: Message) -> None:
        counted = self._of(message.account)
        counted.ended += 1
        counted.charged += message.charged
        if message.state == MessageState.DELIVERED:
            counted.delivered += 1
            bucket = bucket_of(message.ended_at - time_of_id(message.id))
            counted.times[bucket] = counted.times.get(bucket, 0) + 1

    def verified(self, account: int) -> None:
        self._of(account).verified += 1

    def refused(self, account: str, reason: str) -> None:
        of_account = self._refusals.setdefault(account, {})
        of_account[reason] = of_account.get(reason, 0) + 1

    def take(self) -> tuple[dict[int, Counted], dict[str, dict[str, int]]]:
        """What was counted by accounts' numbers, and refusals by their names; it begins anew."""
        taken = self._of_accounts, self._refusals
        self._of_accounts, self._refusals = {}, {}
        return taken

    def _of(self, account: int) -> Counted:
        found = self._of_accounts.get(account)
        if found is None:
            found = self._of_accounts[account] = Counted()
        return found
