"""Carriers report over HTTP, to whatever process they reach."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from onema.administration.requests import PutDocuments, ReadReceipts
from onema.channels.contract import Carrier, ReceiptSink, Webhook
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, settings_of
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.records import MessageState
from onema.http.messages import Request, Response
from onema.http.reader import BODY_LIMIT
from onema.http.webhooks import CarrierWebhooks
from onema.secret import Secret
from onema.settings import Listen
from onema.settings import Settings as ServerSettings
from onema.testing.webhook_carrier import Report, receive_reports, signed
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, Surroundings, Webhooks
from onema.wiring.server import App

from .receiving_node import CARRIER, ReceivingNode
from .test_receipts import open_store, start_node  # noqa: F401  # fixtures

SECRET = "the carrier's secret"
StartNode = Callable[[], Awaitable[ReceivingNode]]


class Settings(CarrierSettings, frozen=True, kw_only=True):
    secret: Secret = Secret()


def make(document: doc.Carrier, around: Surroundings) -> Carrier:
    raise AssertionError("a webhook needs no carrier that runs")


def make_webhook(document: doc.Carrier, receipts: ReceiptSink) -> Webhook:
    return receive_reports(document.name, settings_of(Settings, document).secret.reveal(), receipts)


async def broken_webhook(request: Request) -> Response:
    raise KeyError(SECRET)


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    """One type of carrier with a webhook, and one without."""
    CARRIER_TYPES["reporting"] = CarrierType(make, Settings, webhook=make_webhook)
    CARRIER_TYPES["silent"] = CarrierType(make, Settings)
    CARRIER_TYPES["broken"] = CarrierType(make, Settings, webhook=lambda document, receipts: broken_webhook)
    yield
    for name in ("reporting", "silent", "broken"):
        del CARRIER_TYPES[name]


DOCUMENTS = {
    CARRIER: doc.Carrier(name=CARRIER, type="reporting", state="inactive", settings={"secret": SECRET}),
    "silent": doc.Carrier(name="silent", type="silent", state="inactive"),
    "broken": doc.Carrier(name="broken", type="broken", state="inactive"),
}


def way_in(node: ReceivingNode) -> CarrierWebhooks:
    return CarrierWebhooks(Webhooks(lambda: DOCUMENTS, node.receipts).of)


def report(reference: str, state: OutcomeKind = OutcomeKind.DELIVERED, secret: str = SECRET) -> Request:
    return signed(Report(reference, state), secret, CARRIER)


async def test_a_carrier_answers_on_another_node_than_the_one_that_sent(start_node: StartNode) -> None:  # noqa: F811
    """Which does not run it. Its receipt is durable before it hears so, also of one that sends no more."""
    sender, other = await start_node(), await start_node()
    message = await sender.submit("ref-1")
    assert (await way_in(other).answer(report("ref-1"))).status == 200
    assert await sender.state(message) == MessageState.DELIVERED


async def test_what_is_not_signed_changes_nothing(start_node: StartNode) -> None:  # noqa: F811
    """Whoever knows a reference cannot end a message."""
    node = await start_node()
    message = await node.submit("ref-1")
    assert (await way_in(node).answer(report("ref-1", secret="another"))).status == 403
    assert await node.state(message) == MessageState.SENT


@pytest.mark.parametrize("path", ["/carriers", "/carriers/", "/carriers/nobody/x", "/carriers/silent/x"])
async def test_what_has_no_webhook_is_like_any_path_that_there_is_not(path: str) -> None:
    """Nobody learns which carriers there are, not by a body that is too large either."""

    async def unused(receipt: object) -> None:
        raise AssertionError(receipt)

    way = CarrierWebhooks(Webhooks(lambda: DOCUMENTS, unused).of)
    request = Request("POST", path, b"", (), b"{}", "203.0.113.9")
    for answer in (await way.answer(request), way.refuse_oversized(request)):
        assert (answer.status, answer.body) == (404, b"Not Found")


def test_a_webhook_follows_its_document() -> None:
    """A new secret counts at once; the same document's webhook is kept."""
    documents = dict(DOCUMENTS)

    async def unused(receipt: object) -> None:
        raise AssertionError(receipt)

    webhooks = Webhooks(lambda: documents, unused)
    first = webhooks.of(CARRIER)
    assert first is not None
    assert webhooks.of(CARRIER) is first
    documents[CARRIER] = doc.Carrier(name=CARRIER, type="reporting", settings={"secret": "new"})
    assert webhooks.of(CARRIER) is not first
    del documents[CARRIER]
    assert webhooks.of(CARRIER) is None


def post(port: int, request: Request) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {name.decode(): value.decode() for name, value in request.headers}
    try:
        connection.request(request.method, request.path, request.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def test_a_server_without_any_role_of_its_own_takes_reports(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Over the wire: bounded as everything is, guarded, and with an incident for what the webhook raises."""
    settings = ServerSettings(data=tmp_path, listen=Listen(port=0), roles=("deliver",))

    def put() -> None:
        with open_session(settings, creates=True) as session:
            session.answer(PutDocuments(documents=tuple(DOCUMENTS.values())))

    await asyncio.to_thread(put)
    async with App(settings) as running:

        async def posted(request: Request) -> tuple[int, bytes]:
            return await asyncio.to_thread(post, running.port, request)

        assert await posted(report("ref-1")) == (200, b"{}")
        assert (await posted(report("ref-2", secret="another")))[0] == 403
        nothing = Request("POST", "/carriers/nobody", b"", (), b"{}", "")
        assert await posted(nothing) == (404, b"Not Found")
        large = Request("POST", f"/carriers/{CARRIER}", b"", (), b"x" * (BODY_LIMIT + 1), "")
        assert (await posted(large))[0] == 413
        broken = Request("POST", "/carriers/broken", b"", (), b"{}", "")
        status, body = await posted(broken)
        assert (status, body[:24]) == (500, b"internal error, incident")

        def unmatched() -> list[str]:
            with open_session(settings) as session:
                return [one.reference for one in session.answer(ReadReceipts())]

        assert await asyncio.to_thread(unmatched) == ["ref-1"]
    (logged,) = (record for record in caplog.records if record.message == "a request failed")
    assert body.decode().endswith(logged.__dict__["incident"])
    assert SECRET not in caplog.text
