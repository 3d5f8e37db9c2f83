"""The simulated phone's inbox: written by the handset carrier, read by the handset page."""

import asyncio
from collections.abc import Sequence

import msgspec

from onema.channels.contract import Outgoing
from onema.domain.delivery.keep_in_inbox import KeepInInbox
from onema.domain.delivery.payload import CallPayload, Payload, open_payload, seal_payload
from onema.domain.keyring import NONCE_BYTES, Keyring, Unsealable
from onema.domain.records import Channel, InboxItem
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage


class Received(msgspec.Struct, frozen=True):
    """One SMS or call on the simulated phone; `id` is its message's."""

    id: int
    payload: Payload


class HandsetInbox:
    """Keeps what phones received, sealed, and tells watchers when something new came."""

    def __init__(
        self, gateway: Gateway, storage: Storage, keyring: Keyring, poll_seconds: float = float("inf")
    ) -> None:
        """`poll_seconds` is how long a watcher waits at most before it looks, where others write the store too."""
        self._poll_seconds = poll_seconds
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self._arrival = asyncio.Event()
        """Set and replaced with everything that arrives in this process."""

    async def receive(self, outgoing: Outgoing) -> None:
        """Keep it durably; idempotent by message id."""
        payload = outgoing.payload
        call = isinstance(payload, CallPayload)
        item = InboxItem(
            id=outgoing.message,
            phone=payload.phone,
            channel=Channel.CALL if call else Channel.SMS,
            sender=payload.caller if isinstance(payload, CallPayload) else payload.sender,
            content=seal_payload(payload, outgoing.message, self._keyring, self._gateway.token(NONCE_BYTES)),
        )
        await self._gateway.execute(KeepInInbox(item))
        self.arrived()

    def arrived(self) -> None:
        """Something new is in the store: whoever waits for it looks."""
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()

    async def read(self, phone: Phone | None = None, after: int = 0, limit: int = 100) -> Sequence[Received]:
        """What came after the item `after`, newest first; for one phone, or for all."""
        items = await self._storage.read_inbox(phone, after, limit)
        return [received for received in map(self._open, items) if received is not None]

    async def phones(self, part: str = "", limit: int = 100) -> Sequence[Received]:
        """The newest item of each phone whose number has `part` in it, newest first."""
        items = await self._storage.read_inbox_phones(part, limit)
        return [received for received in map(self._open, items) if received is not None]

    async def find(self, item: int) -> Received | None:
        """One item by its id."""
        row = (await self._storage.read([(InboxItem, item)])).get((InboxItem, item))
        return self._open(row) if isinstance(row, InboxItem) else None

    async def something_new(self, seconds: float) -> None:
        """Wait until something arrives in this process, at most `seconds`."""
        try:
            async with asyncio.timeout(min(seconds, self._poll_seconds)):
                await self._arrival.wait()
        except TimeoutError:
            return

    def _open(self, item: InboxItem) -> Received | None:
        """None for an item that another server key sealed: it is as good as gone."""
        try:
            return Received(item.id, open_payload(item.content, item.id, self._keyring))
        except Unsealable:
            return None
