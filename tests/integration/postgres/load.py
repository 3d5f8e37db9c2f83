import asyncio
import itertools
import time

from onema.domain.ids import AccountId
from onema.domain.records import Key, LedgerEntry, LiveVerification, Message
from onema.domain.refusals import Refusal, Refused

from .node import ACCOUNT, PRICE, Node

CALLERS = 32
PATIENCE_SECONDS = 40


class Load:
    """Callers that send codes to ever new phones while the database suffers, and what they were told."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers = itertools.count()
        self._acknowledged: list[tuple[int, str]] = []
        self._last_at = 0.0
        self.longest_gap = 0.0
        """Seconds between two acknowledged codes, since the first one."""
        self.longest_wait = 0.0
        """Seconds from a request to whatever it was told."""
        self._arrived = asyncio.Event()
        self._refused = asyncio.Event()
        self._stopping = False
        self.refused: set[Refusal] = set()

    async def start(self) -> None:
        await self._node.committer.start()
        await self._node.configure()
        await self._node.top_up(10**9 * PRICE)
        self._callers = [asyncio.create_task(self._call()) for _ in range(CALLERS)]

    async def more(self, count: int) -> None:
        """Return when so many more codes were acknowledged."""
        goal = len(self._acknowledged) + count
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self._acknowledged) < goal:
                self._arrived.clear()
                await self._arrived.wait()

    async def refusal(self) -> None:
        """Return when somebody was refused from now on."""
        self._refused.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._refused.wait()

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._callers)
        await self._node.committer.stop()

    @property
    def count(self) -> int:
        """How many codes were acknowledged."""
        return len(self._acknowledged)

    async def check_the_books(self) -> None:
        """Everything acknowledged is there, and the wallet is the sum of its ledger."""
        keys: list[Key] = []
        for message, phone in self._acknowledged:
            keys += [
                (Message, ACCOUNT, message),
                (LedgerEntry, ACCOUNT, message, "hold"),
                (LiveVerification, ACCOUNT, phone, "code"),
            ]
        storage = self._node.storage
        assert set(keys) == set(await storage.read(keys))
        assert await self._node.balance() == await storage.ledger_sum(AccountId(ACCOUNT))

    async def _call(self) -> None:
        while not self._stopping:
            phone = f"+8490{next(self._numbers):07}"
            began = time.monotonic()
            try:
                self._acknowledged.append(((await self._node.send(phone)).message, phone))
                self._note_arrival(time.monotonic())
            except Refused as error:
                self.refused.add(error.refusal)
                self._refused.set()
                await asyncio.sleep(0.01)
            self.longest_wait = max(self.longest_wait, time.monotonic() - began)

    def _note_arrival(self, now: float) -> None:
        self.longest_gap = max(self.longest_gap, now - self._last_at if self._last_at else 0.0)
        self._last_at = now
        self._arrived.set()
