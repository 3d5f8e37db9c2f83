"""Moves one account from a cell to another while it is used (docs/operations/cells.md has the steps).

Whatever was begun and not ended is found in the two stores, so that the same order, given again, ends it.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from onema.administration.author import Author
from onema.administration.permissions import Actor
from onema.domain.configuration import documents as doc
from onema.domain.configuration.keep_recording import KeepRecording
from onema.domain.configuration.move_account import PlaceAccount, ReceiveAccount, keys_of
from onema.domain.decision import Command
from onema.domain.records import KeyFingerprint, Recording
from onema.domain.refusals import Refusal, Refused
from onema.domain.server_keys.rows import FORMER, IN_USE
from onema.storage.contract import StorageError
from onema.storage.postgres.account_copy import AccountCopy, account_copy
from onema.wiring.cells import account_document, lives_in
from onema.wiring.core import Core

SHORT_SECONDS = 0.3
MOST_ROUNDS = 10
_TRIES = 10

Said = Callable[[str], None]
Switched = Callable[[], Awaitable[None]]


class Cell(NamedTuple):
    """A cell that takes part."""

    name: str
    dsn: str
    core: Core


class Moved(NamedTuple):
    """What a move did: for so many seconds nothing was decided for the account. `rows` were copied in all."""

    rows: int
    last_rows: int
    frozen_seconds: float


class AccountMove:
    """One account's move. Tells `said` each step; `switched` is awaited as soon as the account lives where it shall."""

    def __init__(
        self, account: str, source: Cell, target: Cell, actor: Actor, said: Said, switched: Switched
    ) -> None:
        self._account = account
        self._source = source
        self._target = target
        self._actor = actor
        self._said = said
        self._switched = switched
        self._keys: set[int] = set()
        """The fingerprints of all server keys under which what is copied may rest."""

    async def run(self) -> Moved:
        """Raises Refused, InvalidConfiguration, StorageError; the account then lives where it did, unless that says
        otherwise.
        """
        await self._refresh()
        number = account_document(self._source.core.committer.directory, self._account).number
        async with account_copy(self._source.dsn, self._target.dsn, number) as copying:
            moved = Moved(0, 0, 0.0)
            if not lives_in(self._target.core.committer.directory, self._account):
                moved = await self._bring(copying)
            await self._place(self._source, moved_to=self._target.name)
            self._said(f"deleting what {self._source.name} still has of it")
            await copying.sweep()
        return moved

    async def _bring(self, copying: AccountCopy) -> Moved:
        await self._place(self._source)
        await self._receive(lives_here=False)
        await self._bring_recordings()
        await copying.clear()
        rows = await self._copy_while_used(copying)
        self._said("its writes stop")
        began = time.monotonic()
        try:
            await self._place(self._source, moving_to=self._target.name)
            last = await copying.last_round()
            await self._refresh()
            await self._bring_recordings()
            await self._receive(
                lives_here=True, jobs=await copying.jobs(), access=await copying.access(self._users())
            )
        except BaseException:
            await self._take_back()
            raise
        await self._switched()
        frozen = time.monotonic() - began
        self._said(f"it lives in {self._target.name}; its writes stopped for {frozen:.2f} s")
        return Moved(rows + last, last, frozen)

    async def _take_back(self) -> None:
        """It goes on where it was, unless it lives in its new cell: an answer may have been lost."""
        await self._target.core.committer.refresh_directory()
        if not lives_in(self._target.core.committer.directory, self._account):
            await self._place(self._source)

    async def _copy_while_used(self, copying: AccountCopy) -> int:
        rows = 0
        for number in range(1, MOST_ROUNDS + 1):
            began = time.monotonic()
            copied = await copying.round()
            seconds = time.monotonic() - began
            rows += copied
            self._said(f"round {number}: {copied:,} rows in {seconds:.2f} s")
            if number > 1 and seconds < SHORT_SECONDS:
                break
        return rows

    async def _place(self, cell: Cell, moving_to: str = "", moved_to: str = "") -> None:
        def order() -> Command:
            return PlaceAccount(account=self._account, moving_to=moving_to, moved_to=moved_to)

        await self._order(cell, order, {"moving_to": moving_to, "moved_to": moved_to})

    async def _receive(self, *, lives_here: bool, **more: Any) -> None:
        entropy = secrets.token_bytes(32)
        await self._look_at_keys()

        def order() -> Command:
            return ReceiveAccount(
                cell=self._target.name,
                entropy=entropy,
                server_keys=tuple(sorted(self._keys)),
                documents=self._documents(with_users=lives_here),
                lives_here=lives_here,
                users=tuple(self._users()),
                **more,
            )

        await self._order(self._target, order, {"from": self._source.name, "lives_here": lives_here})

    async def _look_at_keys(self) -> None:
        """Before anything is copied, and once more when all is: what was made meanwhile may rest under another one."""
        rows = await self._source.core.storage.read([(KeyFingerprint, IN_USE), (KeyFingerprint, FORMER)])
        self._keys.update(row.fingerprint for row in rows.values() if isinstance(row, KeyFingerprint))

    async def _order(self, cell: Cell, command: Callable[[], Command], after: dict[str, Any]) -> None:
        """Again, while somebody else changes the configuration."""
        author = Author(cell.core.gateway, self._actor, "move_account")
        for left in reversed(range(_TRIES)):
            try:
                await author.execute(command(), self._account, f"account {self._account}", after)
            except Refused as refused:
                if refused.refusal is not Refusal.CONFLICT or not left:
                    raise
                await cell.core.committer.refresh_directory()
            else:
                return

    def _documents(self, *, with_users: bool) -> tuple[doc.AnyDocument, ...]:
        directory = self._source.core.committer.directory
        found: list[Any] = [directory.documents[key] for key in keys_of(directory, self._account)]
        return tuple(one for one in found if with_users or not isinstance(one, doc.User))

    def _users(self) -> list[str]:
        return [one.name for one in self._documents(with_users=True) if isinstance(one, doc.User)]

    async def _bring_recordings(self) -> None:
        """What its applications say, as sound."""
        sentences = [
            one.sentence
            for one in self._documents(with_users=False)
            if isinstance(one, doc.Application) and one.sentence
        ]
        voices = self._source.core.announcements.voices
        keys = [(Recording, voice, sentence) for voice in voices for sentence in sentences]
        for recording in (await self._source.core.storage.read(keys)).values() if keys else ():
            if isinstance(recording, Recording):
                await self._target.core.gateway.execute(KeepRecording(recording))

    async def _refresh(self) -> None:
        for cell in (self._source, self._target):
            try:
                await cell.core.committer.refresh_directory()
            except StorageError as error:
                raise StorageError(f"{cell.name}: {error}") from error
