"""The sender, over a real upstream on loopback, through the suites for carriers and their webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from onema.channels.contract import Webhook
from onema.channels.http_sender.sender import webhook
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import Payload, SmsPayload
from onema.domain.values.phone import Phone
from onema.http.messages import Request
from onema.testing.conformance.carrier import CarrierConformance, FarEnd, Sink, WebhookConformance
from onema.testing.http_vendor import VENDOR, Answer, signed
from onema.wiring.carriers import Surroundings, http_carrier

NAME = "upstream"


class Upstream(FarEnd):
    """A server that ends a message as the number that it is for says."""

    def __init__(self) -> None:
        super().__init__()
        self._endings: dict[str, OutcomeKind] = {}
        self._left = 0
        self._answers = asyncio.Event()
        self._answers.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                phone = (await reader.readexactly(length)).decode()
                ending = self._endings[phone]
                if ending not in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT):
                    self._left += 1
                await self._answers.wait()
                body = msgspec.json.encode(Answer(f"ref-{self._left}", ending))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()

    def payload(self, ending: OutcomeKind) -> Payload | None:
        phone = Phone(f"+8490{len(self._endings):07}")
        self._endings[phone] = ending
        return SmsPayload(phone, "Acme", "482913 is your code", 0)

    def left(self) -> int:
        return self._left

    def hold_answers(self) -> bool:
        self._answers.clear()
        return True

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        answer = webhook(VENDOR, document(0), self.receipts)
        while (await answer(signed(NAME, Answer(reference, word)))).status != 200:
            pass
        return True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def document(port: int) -> doc.Carrier:
    settings = {"url": f"http://127.0.0.1:{port}/send", "private_targets": True}
    return doc.Carrier(name=NAME, type="test", settings=settings)


class TestHttpSender(CarrierConformance):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[FarEnd]:
        upstream = Upstream()
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
        made = http_carrier(VENDOR).make(document(server.sockets[0].getsockname()[1]), around())
        upstream.carrier = made
        yield upstream
        await made.stop()
        server.close()
        await upstream.close()


def around() -> Surroundings:
    return Surroundings(receipts=None, inbox=None, calls=None, speaker=None, now=lambda: 0)  # type: ignore[arg-type]  # a sender takes the clock only


class TestHttpWebhook(WebhookConformance):
    @pytest.fixture
    def sink(self) -> Sink:
        return Sink()

    @pytest.fixture
    def webhook(self, sink: Sink) -> Webhook:
        return webhook(VENDOR, document(0), sink)

    @pytest.fixture
    def signed(self) -> Callable[[str], Request]:
        return lambda reference: signed(NAME, Answer(reference, OutcomeKind.DELIVERED))
