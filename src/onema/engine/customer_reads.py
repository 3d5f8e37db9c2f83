"""What customers read of the store. Reads change nothing, so they need no batch; they may not keep batches waiting.

Only so many run at once, and of one account only so many wait: a customer that polls holds up itself alone.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from onema.domain.configuration.move_account import FENCE
from onema.domain.ids import AccountId, MessageId, first_id_at, time_of_id
from onema.domain.records import Call, Channel, DirectoryRevision, LiveVerification, Message, Wallet
from onema.domain.refusals import Refusal, Refused
from onema.domain.request_key import RequestKey
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway
from onema.engine.last_call import last_call
from onema.storage.contract import CodesBetween, SentBetween, SentCode, Storage, StorageError, Story

AT_ONCE = 4
LISTS_AT_ONCE = 2
"""They look at many rows."""
MOST_SENT = 100_000
"""So many messages of a list are counted, and none is shown behind them."""
MOST_CODES, CODES_AT_ONCE = 100_000, 1_000
"""So many messages with codes are looked at for one list or count, a part at a time."""
TOGETHER_MS = 300
"""Messages that one request asks for get their ids in one go; all of the account's from so much time are looked at."""
MOST_TOGETHER = 5_000
WAITING_OF_AN_ACCOUNT = 16


class Sent(msgspec.Struct, frozen=True):
    """Which page, counted from 0, of the messages made from `since` to before `until` (Unix ms)."""

    since: int
    until: int
    categories: tuple[str, ...]
    page: int
    size: int


class CodesOf(msgspec.Struct, frozen=True):
    """Which messages with codes: of one API and some categories, with ids from `first` to before `before`."""

    dialect: str
    categories: tuple[str, ...]
    first: int
    before: int


class Called(msgspec.Struct, frozen=True):
    """Which calls: with ids from `first` to before `before`, at most `limit`."""

    first: int
    before: int
    categories: tuple[str, ...]
    limit: int


class CustomerReads:
    """Every read raises Refused(RATE_LIMITED) for an account that has too many under way, and
    Refused(STORE_UNAVAILABLE), also for an account that has left: what is gone is not told to be nothing.
    """

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage
        self._places = asyncio.Semaphore(AT_ONCE)
        self._lists = asyncio.Semaphore(LISTS_AT_ONCE)
        self._waiting = Counter[AccountId]()
        """How many reads each account has under way; no entry for one that has none."""

    async def balance(self, account: AccountId) -> Minor:
        """What the account's wallet holds; nothing for one that never moved."""
        key = (Wallet, account)
        async with self._turn(account):
            wallet = (await self._storage.read([key])).get(key)
        return wallet.balance if isinstance(wallet, Wallet) else NOTHING

    async def message(self, account: AccountId, message: MessageId, *, polls: bool = True) -> Message | None:
        """The account's message of this id; None for none. With `polls` off it is what a command needs, which costs its
        customer something: nobody is refused for having many of these under way.
        """
        key = (Message, account, message)
        async with self._turn(account) if polls else self._store_answers(account):
            found = (await self._storage.read([key])).get(key)
        return found if isinstance(found, Message) else None

    async def code(self, account: AccountId, phone: Phone, purpose: str) -> LiveVerification | None:
        """The phone's current code of this purpose; None for none."""
        key = (LiveVerification, account, phone, purpose)
        async with self._turn(account):
            found = (await self._storage.read([key])).get(key)
        return found if isinstance(found, LiveVerification) else None

    async def named_request(self, account: AccountId, name: str) -> RequestKey | None:
        """What became of the account's request of this name, as long as that is known."""
        key = (RequestKey, account, name)
        async with self._turn(account):
            found = (await self._storage.read([key])).get(key)
        return found if isinstance(found, RequestKey) else None

    async def story(self, account: AccountId, message: MessageId) -> Story | None:
        """All that is kept about the account's message of this id; None for none."""
        async with self._turn(account):
            return await self._storage.read_story(account, message)

    async def together(self, account: AccountId, message: MessageId) -> Sequence[Message]:
        """The account's message of this id, and all that were asked for together with it; nothing for none."""
        key = (Message, account, message)
        async with self._turn(account):
            found = (await self._storage.read([key])).get(key)
            if not isinstance(found, Message):
                return ()
            if not found.together:
                return (found,)
            first = MessageId(found.together)
            before = first_id_at(time_of_id(first) + TOGETHER_MS)
            return await self._storage.read_messages_together(account, first, before, MOST_TOGETHER)

    async def sent(self, account: AccountId, dialect: str, asked: Sent) -> tuple[int, Sequence[Message]]:
        """How many messages came in through `dialect`, and a page of them, oldest first."""
        skip = asked.page * asked.size
        between = SentBetween(
            first=first_id_at(asked.since),
            before=first_id_at(asked.until),
            dialect=dialect,
            categories=asked.categories,
            skip=min(skip, MOST_SENT),
            limit=max(min(asked.size, MOST_SENT - skip), 0),
            most=MOST_SENT,
        )
        async with self._turn(account, self._lists):
            found = await self._storage.read_sent(account, between)
        return found.total, found.messages

    async def calls(self, account: AccountId, dialect: str, asked: Called) -> Sequence[Message]:
        """The calls that came in through `dialect`, oldest first."""
        between = SentBetween(
            first=asked.first,
            before=asked.before,
            dialect=dialect,
            categories=asked.categories,
            skip=0,
            limit=asked.limit,
            most=0,
            channel=Channel.CALL,
        )
        async with self._turn(account, self._lists):
            return (await self._storage.read_sent(account, between)).messages

    async def codes(
        self, account: AccountId, asked: CodesOf, fits: Callable[[SentCode], bool], skip: int, limit: int
    ) -> list[SentCode]:
        """Those that fit, newest first: `limit` of them behind the first `skip`."""
        found: list[SentCode] = []
        async for one in self._codes(account, asked):
            if fits(one):
                found.append(one)
                if len(found) >= skip + limit:
                    break
        return found[skip:]

    async def count_codes(
        self, account: AccountId, asked: CodesOf, fits: Callable[[SentCode], bool]
    ) -> tuple[int, int]:
        """How many fit, and of how many the code was typed in."""
        total = verified = 0
        async for one in self._codes(account, asked):
            if fits(one):
                total, verified = total + 1, verified + one.verified
        return total, verified

    async def _codes(self, account: AccountId, asked: CodesOf) -> AsyncIterator[SentCode]:
        """The newest MOST_CODES, a part at a time; nobody else waits for longer than a part takes."""
        before = asked.before
        async with self._turn(account, self._lists):
            for _ in range(MOST_CODES // CODES_AT_ONCE):
                part = await self._storage.read_codes(
                    account, CodesBetween(asked.first, before, asked.dialect, asked.categories, CODES_AT_ONCE)
                )
                for one in part:
                    yield one
                if len(part) < CODES_AT_ONCE:
                    return
                before = part[-1].message.id

    async def last_call(self, account: AccountId, message: MessageId) -> Call | None:
        """The message's newest call, where anything was heard of one."""
        async with self._turn(account):
            return await last_call(self._storage, account, message)

    @contextlib.asynccontextmanager
    async def _turn(self, account: AccountId, places: asyncio.Semaphore | None = None) -> AsyncIterator[None]:
        if self._waiting[account] >= WAITING_OF_AN_ACCOUNT:
            raise Refused(Refusal.RATE_LIMITED, f"{WAITING_OF_AN_ACCOUNT} reads of the account are under way")
        self._waiting[account] += 1
        try:
            async with places or self._places, self._store_answers(account):
                yield
        finally:
            self._waiting[account] -= 1
            if not self._waiting[account]:
                del self._waiting[account]

    @contextlib.asynccontextmanager
    async def _store_answers(self, account: AccountId) -> AsyncIterator[None]:
        try:
            yield
            await self._know_fence()
        except StorageError as error:
            raise Refused(Refusal.STORE_UNAVAILABLE, str(error)) from error
        if away := self._gateway.directory.away.get(account):
            raise away

    async def _know_fence(self) -> None:
        """After what was read: rows are deleted behind a fence, of which this process may have heard nothing yet."""
        fence = (await self._storage.read([(DirectoryRevision, FENCE)])).get((DirectoryRevision, FENCE))
        if isinstance(fence, DirectoryRevision) and fence.revision > self._gateway.directory.revision:
            try:
                await self._gateway.refresh_directory()
            except StorageError:
                raise
            except Exception as error:  # the follower says what is wrong with the configuration
                raise Refused(Refusal.STORE_UNAVAILABLE, "the configuration cannot be used") from error
