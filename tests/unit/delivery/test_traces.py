"""Which spans a code leaves, in whose trace: steps of docs/delivery-path.md."""

import secrets
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import StatusCode

from onema.channels.contract import Receipt
from onema.delivery.callback_client import CallbackClient
from onema.delivery.callbacks import CallbackSender
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.values.phone import Phone
from onema.http.messages import Request, Response
from onema.telemetry.tracing import Tracing
from onema.testing.recording_carrier import DELIVERED, RecordingCarrier
from onema.wiring.tracing import Traced, route

from .conftest import ACCOUNT, LEASE_MS, DeliveryRig, Nothing
from .test_callbacks import Receiver, Renderer, receiver  # noqa: F401  # a fixture

TRACE = 0x0AF7651916CD43DD8448EB211C80319C
PARENT = 0xB7AD6B7169203331
SAMPLED = f"00-{TRACE:032x}-{PARENT:016x}-01"
UNSAMPLED = f"00-{TRACE:032x}-{PARENT:016x}-00"
PHONE = "+84901888484"
WRONG = "not the code"
SUBMITTED = Outcome(kind=OutcomeKind.SUBMITTED, references=("r1",))


class Spans:
    """What was traced, in memory."""

    def __init__(self, keep: int = 100) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(self.provider, keep)

    @property
    def ended(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def all(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.ended if span.name == name]

    def one(self, name: str, command: str = "") -> ReadableSpan:
        (span,) = (one for one in self.all(name) if not command or told(one)["command.kind"] == command)
        return span

    def path(self, span: ReadableSpan) -> list[str]:
        """Its name after those of the spans that it is in."""
        above = next((one for one in self.ended if is_in(span, one)), None)
        return [*(self.path(above) if above else []), span.name]


def is_in(span: ReadableSpan, other: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == identity(other)[1]


def identity(span: ReadableSpan) -> tuple[int, int]:
    """(trace, span)."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


def told(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


@pytest.fixture
def spans(rig: DeliveryRig) -> Iterator[Spans]:
    spans = Spans()
    rig.committer.watch_batches(spans.tracing)
    yield spans
    spans.provider.shutdown()


class Api:
    """A wire API that sends a code, or checks one."""

    name = "test"
    path_segments = frozenset({"v1"})
    operations = ("/v1/codes/{phone}", "/v1/codes/{phone}/check")

    def __init__(self, rig: DeliveryRig) -> None:
        self._rig = rig
        self.message = 0
        self.fault_to_raise: Exception | None = None

    async def answer(self, request: Request) -> Response:
        if self.fault_to_raise:
            raise self.fault_to_raise
        if request.path.endswith("/check"):
            check: Check = await self._rig.gateway.execute(
                CheckCode(
                    account=ACCOUNT,
                    id=self._rig.gateway.next_id(),
                    now=self._rig.clock.now(),
                    phone=Phone(PHONE),
                    code=request.body.decode(),
                )
            )
            return Response(200, b"", outcome=check.value)
        self.message = await self._rig.send(PHONE)
        return Response(201, b"")

    def refuse_oversized(self, request: Request) -> Response:
        return Response(413, b"")

    def fault(self, request: Request, incident: str) -> Response:
        return Response(500, b"")


def asked(path: str, body: str = "", traceparent: str = "") -> Request:
    headers = [(b"traceparent", traceparent.encode())] if traceparent else []
    return Request("POST", path, b"", headers, body.encode(), "127.0.0.1")


async def start(rig: DeliveryRig, spans: Spans, *outcomes: Outcome) -> Api:
    carrier = RecordingCarrier("first", *outcomes)
    await rig.configure(carrier)
    await rig.start(carrier, traces=Traced(spans.tracing))
    return Api(rig)


def code_of(rig: DeliveryRig) -> str:
    (carrier,) = rig.running[0].values()
    assert isinstance(carrier, RecordingCarrier)
    payload = carrier.sent[-1].payload
    assert isinstance(payload, SmsPayload)
    return payload.text[:6]


async def test_a_code_that_is_sent_is_one_trace_from_the_request_to_its_outcome(
    rig: DeliveryRig, spans: Spans
) -> None:
    """Whoever called sees in a trace of their own where the time went."""
    api = await start(rig, spans, DELIVERED)
    response = await Traced(spans.tracing).api(api).answer(asked(f"/v1/codes/{PHONE}", traceparent=SAMPLED))
    await rig.reaches(api.message, "delivered")
    await rig.until(lambda: bool(spans.all("delivery")))

    assert response.status == 201
    request = spans.one("request")
    assert request.parent is not None
    assert (request.parent.trace_id, request.parent.span_id) == (TRACE, PARENT)
    assert told(request) == {
        "api.name": "test",
        "http.request.method": "POST",
        "http.route": "/v1/codes/{}",
        "http.response.status_code": 201,
        "request.outcome": "ok",
    }
    sent, recorded = spans.one("commit", "SendCode"), spans.one("commit", "RecordOutcome")
    assert spans.path(sent) == ["request", "commit"]
    assert [event.name for event in sent.events] == ["batch begun", "decided", "committed"]
    assert spans.path(spans.one("attempt")) == ["request", "commit", "delivery", "attempt"]
    assert spans.path(recorded) == ["request", "commit", "delivery", "commit"]
    assert told(spans.one("attempt")) == {
        "carrier.name": "first",
        "attempt.number": 1,
        "attempt.outcome": "delivered",
        "message.id": str(api.message),
    }
    assert {identity(span)[0] for span in spans.ended} == {TRACE}
    of_the_message = [span for span in spans.ended if span is not request]
    assert {told(span)["message.id"] for span in of_the_message} == {str(api.message)}


async def test_a_check_is_a_trace_of_its_own_that_names_the_message(rig: DeliveryRig, spans: Spans) -> None:
    """A person types the code minutes later, by another request."""
    api = await start(rig, spans, DELIVERED)
    traced = Traced(spans.tracing).api(api)
    await traced.answer(asked(f"/v1/codes/{PHONE}"))
    await rig.reaches(api.message, "delivered")
    await traced.answer(asked(f"/v1/codes/{PHONE}/check", WRONG))
    await traced.answer(asked(f"/v1/codes/{PHONE}/check", code_of(rig), SAMPLED))

    wrong, right = (one for one in spans.all("commit") if told(one)["command.kind"] == "CheckCode")
    assert (told(wrong)["command.result"], told(right)["command.result"]) == ("wrong", "right")
    assert told(right)["message.id"] == str(api.message)
    assert spans.path(right) == ["request", "commit"]
    assert identity(right)[0] == TRACE
    assert len({identity(span)[0] for span in spans.all("request")}) == 3


async def test_a_receipt_goes_on_in_the_trace_of_its_message(rig: DeliveryRig, spans: Spans) -> None:
    """And leads to the request that brought it, which is the carrier's."""
    api = await start(rig, spans, SUBMITTED)
    await Traced(spans.tracing).api(api).answer(asked(f"/v1/codes/{PHONE}", traceparent=SAMPLED))
    await rig.reaches(api.message, "sent")
    with spans.tracing.request("carriers", "POST", "/carriers/{}", "") as webhook:
        await rig.hear(Receipt("first", "r1", DELIVERED))

    receipt = spans.one("receipt")
    assert identity(receipt)[0] == TRACE
    assert spans.path(receipt) == ["request", "commit", "receipt"]
    assert told(receipt) == {
        "carrier.name": "first",
        "attempt.number": 1,
        "command.result": "counted",
        "message.id": str(api.message),
    }
    assert [link.context.span_id for link in receipt.links] == [webhook.get_span_context().span_id]


async def test_a_receipt_that_nobody_asked_for_over_http_is_traced_too(
    rig: DeliveryRig, spans: Spans
) -> None:
    """SMPP has no requests of ours around it, and another process may have sent the message."""
    await start(rig, spans)
    await rig.hear(Receipt("first", "unknown", DELIVERED))
    receipt = spans.one("receipt")
    assert receipt.parent is None
    assert told(receipt) == {"carrier.name": "first", "command.result": "unmatched"}


async def test_a_callback_goes_on_in_the_trace_of_its_message(
    rig: DeliveryRig,
    spans: Spans,
    receiver: Receiver,  # noqa: F811  # a fixture
) -> None:
    """Of the address nothing is told but the status that it answered."""
    receiver.statuses = [204]
    await send_and_tell(rig, spans, receiver)

    callback = spans.one("callback")
    assert identity(callback)[0] == TRACE
    assert spans.path(callback) == ["request", "commit", "callback"]
    assert told(callback)["http.response.status_code"] == 204


async def test_a_callback_that_is_given_up_has_failed(
    rig: DeliveryRig,
    spans: Spans,
    receiver: Receiver,  # noqa: F811  # a fixture
) -> None:
    """The receiver's words, or an address in a fault, stay here."""
    receiver.statuses = [400]
    await send_and_tell(rig, spans, receiver)

    callback = spans.one("callback")
    assert (told(callback)["http.response.status_code"], told(callback)["error.type"]) == (400, "GivenUp")
    assert (callback.status.status_code, callback.status.description) == (StatusCode.ERROR, None)
    assert callback.events == ()


async def send_and_tell(rig: DeliveryRig, spans: Spans, receiver: Receiver) -> None:  # noqa: F811  # a fixture
    """A code whose end the receiver is told of."""
    client = CallbackClient(seconds=LEASE_MS / 3000, now=rig.clock.now, private_targets=True)
    rig.closing.push_async_callback(client.close)
    traces = Traced(spans.tracing)
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    account = doc.Account(name="acme", wallet="postpaid", windows=(), callback_url=receiver.url)
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=(account,)))
    sender = CallbackSender(rig.gateway, rig.storage, {"test": Renderer()}, traces.teller(client))
    await rig.start(carrier, callbacks=sender, traces=traces)
    await traces.api(Api(rig)).answer(asked(f"/v1/codes/{PHONE}", traceparent=SAMPLED))
    await rig.until(lambda: bool(spans.all("callback")))


async def test_a_caller_that_samples_nothing_gets_no_spans(rig: DeliveryRig, spans: Spans) -> None:
    """Nor does the delivery begin a trace of its own."""
    api = await start(rig, spans, DELIVERED)
    await Traced(spans.tracing).api(api).answer(asked(f"/v1/codes/{PHONE}", traceparent=UNSAMPLED))
    await rig.reaches(api.message, "delivered")
    await rig.until(lambda: not rig.dispatchers[0].tasks)
    assert spans.ended == []


@pytest.mark.parametrize("traceparent", ["", "00-zz-b7ad6b7169203331-01", f"00-{'0' * 32}-{PARENT:016x}-01"])
async def test_a_traceparent_that_is_none_begins_a_new_trace(
    rig: DeliveryRig, spans: Spans, traceparent: str
) -> None:
    """W3C Trace Context: what cannot be read is as if it were not there."""
    api = await start(rig, spans)
    await Traced(spans.tracing).api(api).answer(asked(f"/v1/codes/{PHONE}", traceparent=traceparent))
    assert spans.one("request").parent is None


async def test_a_message_of_another_process_begins_a_trace_that_names_it(
    rig: DeliveryRig, spans: Spans
) -> None:
    """Traces are known in memory; the message's number finds the rest."""
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    message = await rig.send(PHONE)
    await rig.start(carrier, traces=Traced(spans.tracing))
    await rig.reaches(message, "delivered")
    await rig.until(lambda: bool(spans.all("delivery")))
    delivery = spans.one("delivery")
    assert delivery.parent is None
    assert told(delivery)["message.id"] == str(message)


async def test_a_fault_is_told_by_its_type_alone(rig: DeliveryRig, spans: Spans) -> None:
    """Its words may quote what a client sent."""
    api = await start(rig, spans)
    api.fault_to_raise = KeyError(PHONE)
    with pytest.raises(KeyError):
        await Traced(spans.tracing).api(api).answer(asked(f"/v1/codes/{PHONE}"))
    request = spans.one("request")
    assert told(request)["error.type"] == "KeyError"
    assert (request.status.status_code, request.status.description) == (StatusCode.ERROR, None)
    assert request.events == ()


async def test_a_caller_that_goes_away_leaves_no_open_span(rig: DeliveryRig, spans: Spans) -> None:
    """What was decided stands, and nobody hears of it."""
    with spans.tracing.request("test", "POST", "/v1/codes", ""):
        rig.committer.execute(Nothing()).cancel()
    await rig.settled()
    assert "command.result" not in told(spans.one("commit", "Nothing"))


async def test_only_so_many_traces_are_remembered(
    rig: DeliveryRig,
) -> None:
    """A receipt may come days later, for messages without end."""
    spans = Spans(keep=1)
    rig.committer.watch_batches(spans.tracing)
    api = await start(rig, spans, SUBMITTED, Outcome(kind=OutcomeKind.SUBMITTED, references=("r2",)))
    traced = Traced(spans.tracing).api(api)
    for _ in range(2):
        await traced.answer(asked(f"/v1/codes/{PHONE}"))
        await rig.reaches(api.message, "sent")
    await rig.hear(Receipt("first", "r1", DELIVERED))
    await rig.hear(Receipt("first", "r2", DELIVERED))
    forgotten, known = spans.all("receipt")
    assert forgotten.parent is None
    assert known.parent is not None


WORDS = frozenset({"v1", "codes", "check"})


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/codes", "/v1/codes"),
        ("/V1/Codes/+84901888484/CHECK", "/v1/codes/{}/check"),
        ("/v1//codes/", "/v1/{}/codes/{}"),
        ("/v1/" + "codes/" * 20, "/v1/" + "/".join(["codes"] * 7)),
        ("/", "/{}"),
    ],
)
def test_a_route_holds_words_of_the_api_alone(path: str, shown: str) -> None:
    """Phones, keys and names stand in paths; nobody can make routes without end of them."""
    assert route(path, WORDS) == shown
