"""Every vendor's HTTP API over a real upstream on loopback, through the suites for carriers and their webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from onema.channels.contract import Outgoing, Webhook
from onema.channels.http_sender.sender import webhook
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import Payload, SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.http.messages import Request
from onema.testing.conformance.carrier import CarrierConformance, FarEnd, Sink, WebhookConformance
from onema.wiring.carriers import CARRIER_TYPES, Surroundings, http_carrier, problems_of

from .http_vendors import NAME, NOW, UPSTREAMS, Upstream

SIGNING = [one for one in UPSTREAMS if one.vendor.signs_receipts]


class Network(FarEnd):
    """A server that answers as a vendor does; the number says how the message ends."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self.upstream = upstream
        self._endings: dict[str, OutcomeKind] = {}
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
                phone, own = self.upstream.asked(await reader.readexactly(length))
                answer = self.upstream.answer(self._endings[phone], own)
                assert answer is not None
                await self._answers.wait()
                status, body = answer
                writer.write(
                    b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body.encode())
                )
                await writer.drain()

    def payload(self, ending: OutcomeKind) -> Payload | None:
        if type(self.upstream)().answer(ending, "") is None:
            return None
        phone = f"8490{len(self._endings):07}"
        self._endings[phone] = ending
        return SmsPayload(Phone(f"+{phone}"), "Acme", "482913 is your code", NOW + 300_000)

    def left(self) -> int:
        return self.upstream.left

    def hold_answers(self) -> bool:
        self._answers.clear()
        return True

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        answer = webhook(self.upstream.vendor, document(self.upstream, 1), self.receipts)
        while (await answer(self.upstream.report(reference, word))).status != 200:
            pass
        return True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def document(upstream: Upstream, port: int) -> doc.Carrier:
    return doc.Carrier(name=NAME, type=upstream.name, settings={**upstream.settings, **upstream.where(port)})


def around() -> Surroundings:
    return Surroundings(receipts=None, inbox=None, calls=None, speaker=None, now=lambda: NOW)  # type: ignore[arg-type]  # a sender takes the clock only


@pytest.mark.parametrize("made", UPSTREAMS, ids=lambda made: made.name)
class TestVendors(CarrierConformance):
    @pytest.fixture
    async def far_end(self, made: type[Upstream]) -> AsyncIterator[FarEnd]:
        network = Network(made())
        server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
        found = document(network.upstream, server.sockets[0].getsockname()[1])
        assert list(problems_of(found)) == []
        network.carrier = http_carrier(made.vendor).make(found, around())
        yield network
        await network.carrier.stop()
        server.close()
        await network.close()


@pytest.mark.parametrize("made", SIGNING, ids=lambda made: made.name)
class TestSignedReceipts(WebhookConformance):
    @pytest.fixture
    def sink(self) -> Sink:
        return Sink()

    @pytest.fixture
    def webhook(self, sink: Sink, made: type[Upstream]) -> Webhook:
        return webhook(made.vendor, document(made(), 1), sink)

    @pytest.fixture
    def signed(self, made: type[Upstream]) -> Callable[[str], Request]:
        return lambda reference: made().report(reference, OutcomeKind.DELIVERED)

    @pytest.mark.parametrize("change", ["no signature", "another body", "another key"])
    async def test_what_anybody_may_have_sent_is_refused(
        self, webhook: Webhook, sink: Sink, signed: Callable[[str], Request], change: str
    ) -> None:
        """Nothing of it is believed; a vendor that signs in the query has its signature changed there."""
        if signed("ref").headers:
            await super().test_what_anybody_may_have_sent_is_refused(webhook, sink, signed, change)
            return
        good = signed("ref-1")
        query = {
            "no signature": good.query.partition(b"&sig=")[0],
            "another body": good.query.replace(b"ref-1", b"ref-2"),
            "another key": good.query[:-1],
        }[change]
        assert (await webhook(msgspec.structs.replace(good, query=query))).status == 403
        assert sink.heard == []


@pytest.mark.parametrize("made", UPSTREAMS, ids=lambda made: made.name)
async def test_receipts_without_the_token_are_refused(made: type[Upstream]) -> None:
    """Where the address has one: without it, with another, with more behind it."""
    upstream, sink = made(), Sink()
    answer = webhook(upstream.vendor, document(upstream, 1), sink)
    good = upstream.report("ref-1", OutcomeKind.DELIVERED)
    for path in (f"/carriers/{NAME}/receipts/", f"/carriers/{NAME}/receipts/{'0' * 32}", f"{good.path}/x"):
        assert (await answer(msgspec.structs.replace(good, path=path))).status == 403
    assert sink.heard == []


@pytest.mark.parametrize("made", UPSTREAMS, ids=lambda made: made.name)
async def test_a_receipt_ends_an_attempt_whose_answer_was_lost(made: type[Upstream]) -> None:
    """Every vendor here takes a name of ours, and reports by it."""
    upstream, sink = made(), Sink()
    settings = settings_of(upstream.vendor.settings, document(upstream, 1))
    api = upstream.vendor.api(NAME, settings, "https://sms.example.com/receipts")
    payload = SmsPayload(Phone("+84901888484"), "Acme", "482913 is your code", 0)
    name = api.name_of(Outgoing(AccountId(1), MessageId(4711), 2, payload))
    assert name == "1267-2"
    answer = webhook(upstream.vendor, document(upstream, 1), sink)
    assert (await answer(upstream.report(name, OutcomeKind.DELIVERED))).status == 200
    assert [one.reference for one in sink.heard] == [name]


def test_every_vendor_goes_through_the_suite() -> None:
    """Whoever adds one adds it to the upstreams."""
    assert {one.name for one in UPSTREAMS} <= set(CARRIER_TYPES)
    for one in UPSTREAMS:
        assert CARRIER_TYPES[one.name].settings is one.vendor.settings
