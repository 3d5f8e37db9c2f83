"""Codes that leave over SMPP while links and processes die, and what must hold afterwards."""

import asyncio
import json
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from onema.domain.ids import AccountId
from onema.domain.records import Message, MessageState, Wallet
from onema.domain.state_machines import MESSAGE
from onema.protocols.smpp.pdus import DataSm, ShortMessage
from onema.storage.contract import Storage
from onema.testing.running_server import comes_true
from onema.testing.smsc.script import ACCEPT
from onema.testing.smsc.smsc import Smsc, Verdict

SERVICE = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"
KEYS = {"ApiKey": "ACME", "SecretKey": "ACME-SECRET"}
TEXT = "{OTP} la ma xac minh cua Acme"
ACCOUNT = AccountId(1)
MOST = 100_000
"""Of a test's messages and receipts."""
PATIENCE_SECONDS = 120.0
ENDED = MESSAGE.final | {MessageState.UNKNOWN}


def configuration(first: int, second: int, capacity: int = 0) -> str:
    """An account whose texts go to the SMSC on one port, and to the one on the other only when that takes none.
    `capacity` is how many binds all processes together may have to the first.
    """
    links = (
        'system_id = "onema", binds = 2, window = 20, answer_seconds = 1.5, queue_seconds = 3.0, '
        "enquire_seconds = 1.0, throttle_pause = 0.05, connect_seconds = 2.0"
    )
    return f"""
        [[tariffs]]
        name = "default"
        rates = [{{channel = "sms", price = "850"}}]
        [[accounts]]
        name = "acme"
        wallet = "postpaid"
        windows = []
        [[accounts.brandnames]]
        name = "Acme"
        templates = ["{TEXT}"]
        [[accounts.credentials]]
        dialect = "esms"
        key = "{KEYS["ApiKey"]}"
        secret = "{KEYS["SecretKey"]}"
        [[carriers]]
        name = "first"
        type = "smpp"
        capacity = {capacity}
        settings = {{ addresses = ["127.0.0.1:{first}"], {links} }}
        [[carriers]]
        name = "second"
        type = "smpp"
        settings = {{ addresses = ["127.0.0.1:{second}"], {links} }}
        [[routes]]
        channel = "sms"
        carrier = "first"
        priority = 1
        [[routes]]
        channel = "sms"
        carrier = "second"
        priority = 2
    """


class WatchedSmsc(Smsc):
    """Remembers what may have left the ESME by it: everything that it did not refuse."""

    def __init__(self, port: int) -> None:
        super().__init__(port=port, on_message=lambda sms: self.shown.update([sms.phone.lstrip("+")]))
        self.shown: Counter[str] = Counter()
        """By phone, how many messages it received."""
        self.taken: Counter[str] = Counter()
        """By phone, how many messages."""
        self.phone_of: dict[str, str] = {}
        """By the id in the receipt."""

    def on_submit(self, system_id: str, submit: ShortMessage | DataSm) -> Verdict:
        verdict = super().on_submit(system_id, submit)
        phone = submit.destination.digits.decode()
        if not verdict.status:
            self.taken[phone] += 1
        if verdict.reaction.answer == ACCEPT:
            self.phone_of[verdict.receipt_id] = phone
        return verdict


class Load:
    """Sends codes to many phones at once. `accepted` is each message's phone, by its id."""

    def __init__(self, ports: Sequence[int], connections: int = 24) -> None:
        self._ports = ports
        self._connections = connections
        self.accepted: dict[int, str] = {}
        self._news = asyncio.Event()

    async def send(self, phones: Sequence[str]) -> None:
        """Return when each phone's request was answered, or its connection broke."""
        waiting = iter(phones)
        await asyncio.gather(*(self._connection(number, waiting) for number in range(self._connections)))

    async def reaches(self, count: int) -> None:
        """Wait until so many were accepted."""
        while len(self.accepted) < count:
            self._news.clear()
            await self._news.wait()

    async def _connection(self, number: int, phones: Iterator[str]) -> None:
        link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for phone in phones:
            query = {
                **KEYS,
                "Phone": phone,
                "Brandname": "Acme",
                "Type": "2",
                "message": TEXT,
                "IsNumber": "1",
            }
            try:
                if link is None:
                    link = await self._connected(number)
                answer = await _ask(*link, f"{SERVICE}?{urllib.parse.urlencode(query)}")
            except (OSError, EOFError):
                # It may have been accepted or not: nobody was told.
                if link is not None:
                    link[1].close()
                link = None
                continue
            if answer["CodeResult"] == "100":
                self.accepted[int(answer["SMSID"], 16)] = f"84{phone[1:]}"
                self._news.set()
        if link is not None:
            link[1].close()

    async def _connected(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for port in (self._ports[number % len(self._ports)], *self._ports):
                    try:
                        return await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        await asyncio.sleep(0.05)  # another process's start has no event here


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> Any:
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split()[0])
    return json.loads(await reader.readexactly(length))


def phones(first: int, count: int) -> list[str]:
    return [f"03{number:08d}" for number in range(20_000_000 + first, 20_000_000 + first + count)]


async def check_the_books(
    storage: Storage, load: Load, first: WatchedSmsc, second: WatchedSmsc
) -> Counter[str]:
    """Wait until nothing is under way any more; how many messages ended in which way.

    What may have left by one SMSC did not go to the other, nor twice; what was delivered is on one phone once; a
    receipt that was acknowledged is written down; and the money is right.
    """
    messages = await _settled(storage)
    assert set(load.accepted) <= set(messages), "what was accepted is lost"
    taken = first.taken + second.taken
    assert [phone for phone, count in taken.items() if count > 1] == []
    shown = first.shown + second.shown
    for identifier, phone in load.accepted.items():
        state = messages[identifier].state
        if state == MessageState.DELIVERED:
            assert shown[phone] == 1
        elif state == MessageState.FAILED:
            assert taken[phone] == 0
        else:
            assert state in (MessageState.UNKNOWN, MessageState.UNCONFIRMED)
    state_of = {message.phone.lstrip("+"): message.state for message in messages.values()}
    unmatched = {row.reference for row in await storage.read_unmatched_receipts("", MOST)}
    for smsc in (first, second):
        for name in smsc.acknowledged:
            delivered = state_of[smsc.phone_of[name]] == MessageState.DELIVERED
            assert delivered or name in unmatched, "a receipt was acknowledged and is lost"
    spent = 0
    for message in messages.values():
        spent += message.charged + message.held
        if message.state in (MessageState.DELIVERED, MessageState.FAILED):
            due = message.price if message.state == MessageState.DELIVERED else 0
            assert (message.charged, message.held) == (due, 0)
    wallet = (await storage.read([(Wallet, ACCOUNT)]))[(Wallet, ACCOUNT)]
    assert isinstance(wallet, Wallet)
    assert wallet.balance == await storage.ledger_sum(ACCOUNT) == -spent
    return Counter(str(messages[identifier].state) for identifier in load.accepted)


async def _settled(storage: Storage) -> dict[int, Message]:
    """All messages, once nobody works on any."""
    messages: dict[int, Message] = {}

    async def all_ended() -> bool:
        found = await storage.read_messages(ACCOUNT, 2**63 - 1, MOST)
        messages.update((message.id, message) for message in found)
        # What may have left and was not answered waits for a receipt that has no name to find it by.
        return all(message.state in ENDED for message in messages.values())

    await comes_true(all_ended, PATIENCE_SECONDS)
    return messages
