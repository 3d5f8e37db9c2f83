"""Carriers report over HTTP, to whatever process they reach."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from onema.channels.contract import Carrier, ReceiptSink, Webhook
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, settings_of
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.records import MessageState
from onema.http.messages import Request
from onema.http.webhooks import CarrierWebhooks
from onema.secret import Secret
from onema.testing.webhook_carrier import Report, receive_reports, signed
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, Surroundings, Webhooks

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


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    """One type of carrier with a webhook, and one without."""
    CARRIER_TYPES["reporting"] = CarrierType(make, Settings, webhook=make_webhook)
    CARRIER_TYPES["silent"] = CarrierType(make, Settings)
    yield
    del CARRIER_TYPES["reporting"], CARRIER_TYPES["silent"]


DOCUMENTS = {
    CARRIER: doc.Carrier(name=CARRIER, type="reporting", state="inactive", settings={"secret": SECRET}),
    "silent": doc.Carrier(name="silent", type="silent"),
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
