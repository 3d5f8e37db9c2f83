"""What carriers report later, and what is settled when they never do."""

import asyncio
from collections.abc import Callable

from onema.channels.contract import NotRecorded, Receipt
from onema.domain.delivery.outcome import RECEIPT_WORDS, storable
from onema.domain.delivery.record_outcome import SettleMessage
from onema.domain.delivery.record_receipt import NOBODY, Named, ReceiptResult, RecordReceipt, named_by
from onema.domain.delivery.reference import spelled
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import CarrierReference, Job, Key
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage, StorageError

KEEP_UNMATCHED_MS = 86_400_000
"""How long a receipt that nobody's name matches is kept: long enough for people to see it."""
KEEP_UNMATCHED = 10_000
"""About so many of them are kept, the newest."""
KEEP_NAMES = 10_000
"""So many of the newest names that came to this process need no look-up."""
LOOKS = 5
"""How often a name is looked up whose owner changed meanwhile, which takes a carrier that uses it again just then."""


class Receipts:
    """Where carriers report (channels.contract.ReceiptSink), whichever process sent what they report on.

    Receipts that come together cost one look-up and one batch, and names that this process has just heard no look-up.
    """

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        count: Callable[[str, str], None] = lambda carrier, result: None,
    ) -> None:
        """`count` hears of each receipt the carrier and its ReceiptResult."""
        self._gateway = gateway
        self._count = count
        self._names = _Names(storage)
        self._newest: dict[tuple[str, str], Named] = {}
        """Whose names came last, by carrier and name."""

    def named(
        self, carrier: str, references: tuple[str, ...], account: AccountId, message: MessageId, attempt: int
    ) -> None:
        """A carrier has just given an attempt these names. Their outcome is about to be committed: a receipt that is
        decided behind it need not be looked up. What is no longer so when one is decided, the batch finds out.
        """
        named = Named(account, message, attempt)
        for reference in references:
            self._newest[carrier, reference] = named
        while len(self._newest) > KEEP_NAMES:
            del self._newest[next(iter(self._newest))]

    async def __call__(self, receipt: Receipt) -> None:
        if receipt.outcome.kind not in RECEIPT_WORDS:
            raise ValueError(f"no receipt says {receipt.outcome.kind}")
        reference, outcome = spelled(receipt.reference), storable(receipt.outcome)
        try:
            for _ in range(LOOKS):
                named = self._newest.pop((receipt.carrier, reference), None)
                if named is None:
                    named = await self._names.owner(receipt.carrier, reference)
                now = self._gateway.now()
                result: ReceiptResult = await self._gateway.execute(
                    RecordReceipt(
                        id=self._gateway.next_id(),
                        now=now,
                        carrier=receipt.carrier,
                        reference=reference,
                        named=named,
                        outcome=outcome,
                        forget_at=now + KEEP_UNMATCHED_MS,
                    )
                )
                if result is not ReceiptResult.MOVED:
                    self._count(receipt.carrier, result.value)
                    return
        except (Refused, StorageError) as error:
            raise NotRecorded(type(error).__name__) from error
        raise NotRecorded("its name changes hands too often")


class _Names:
    """Looks names up for whoever waits, all together."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._waiting: dict[Key, asyncio.Future[Named]] = {}
        """Those whose look-up has not begun."""
        self._looking: asyncio.Task[None] | None = None
        """Runs while somebody waits."""

    async def owner(self, carrier: str, reference: str) -> Named:
        """Whose name it is; NOBODY's while no outcome brought it. Raises StorageError."""
        key = (CarrierReference, carrier, reference)
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="receipts")
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(self._waiting[key])

    async def _look(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                try:
                    rows = await self._storage.read(list(asked))
                except Exception as error:  # noqa: BLE001  # whatever it is, whoever asked hears it
                    for future in asked.values():
                        future.set_exception(error)
                        future.exception()  # who asked may be gone by now
                    continue
                for key, future in asked.items():
                    row = rows.get(key)
                    future.set_result(named_by(row) if isinstance(row, CarrierReference) else NOBODY)
        finally:
            self._looking = None


class Settlements:
    """Handles the jobs of messages whose receipt is not waited for any more."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, job: Job) -> None:
        await self._gateway.execute(
            SettleMessage(
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                account=job.account,
                message=job.message,
                lease=job.lease,
            )
        )
