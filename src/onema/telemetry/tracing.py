"""Traces by OpenTelemetry: a span for each step of docs/delivery-path.md. It is loaded only where settings want it.

What attributes hold is of closed sets, named by operators, or a number of ours: never a phone, a code, a text, a key, a
path as it was sent, or the words of a fault, which may quote any of these.
"""

import asyncio
import enum
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onema.domain.audit import Audited
from onema.domain.decision import Command, Decision
from onema.domain.delivery.record_receipt import RecordReceipt
from onema.domain.ids import MessageId
from onema.domain.records import HANDING_OVER, Event, Job, JobKind, Message
from onema.domain.refusals import Refused

KEEP_TRACES = 10_000
"""So many of the newest messages go on in the trace of the request that they came by."""
MESSAGE = "message.id"
_NAMES = {JobKind.CALLBACK: "callback", JobKind.SETTLE: "settlement", JobKind.NEXT_CHANNEL: "next channel"}


class _Pending(Protocol):
    """What is looked at of a command in a batch."""

    future: asyncio.Future[Any]
    decision: Decision | Exception | None


class Tracing:
    """Makes the spans of one process. Not thread-safe."""

    def __init__(self, provider: trace.TracerProvider, keep: int = KEEP_TRACES) -> None:
        self._keep = keep
        self._tracer = provider.get_tracer("onema")
        self._propagator = TraceContextTextMapPropagator()
        self._waiting: dict[asyncio.Future[Any], Span] = {}
        """The spans of commands that have no result yet."""
        self._messages: dict[MessageId, SpanContext] = {}
        """Where the traces of the newest messages go on: at the commits that made them."""

    # Steps.

    @contextmanager
    def request(self, api: str, method: str, route: str, traceparent: str) -> Iterator[Span]:
        """Step 1, and all that is asked for in its course. `traceparent` is as W3C Trace Context has it, or ""."""
        parent = self._propagator.extract({"traceparent": traceparent}, Context())
        attributes: dict[str, str | int] = {
            "api.name": api,
            "http.request.method": method,
            "http.route": route,
        }
        with self._step("request", parent, SpanKind.SERVER, attributes) as span:
            yield span

    @contextmanager
    def job(self, job: Job) -> Iterator[Span]:
        """Step 5, or what else is due."""
        name = "delivery" if job.kind in HANDING_OVER else _NAMES.get(JobKind(job.kind), job.kind)
        attributes: dict[str, str | int] = {
            "job.kind": str(job.kind),
            "job.lease": job.lease,
            MESSAGE: str(job.message),
        }
        with self._step(name, self._trace_of(job.message), SpanKind.CONSUMER, attributes) as span:
            yield span

    @contextmanager
    def attempt(self, carrier: str, message: MessageId, number: int) -> Iterator[Span]:
        """A carrier has the message."""
        attributes: dict[str, str | int] = {
            "carrier.name": carrier,
            "attempt.number": number,
            MESSAGE: str(message),
        }
        with self._step("attempt", None, SpanKind.CLIENT, attributes) as span:
            yield span

    def told(self, status: int) -> None:
        """A receiver of callbacks answered with this HTTP status; 0: it did not answer."""
        if status:
            trace.get_current_span().set_attribute("http.response.status_code", status)

    # What the committer tells (engine.batch_watch.BatchWatch).

    def waits(self, command: Command, future: asyncio.Future[Any]) -> None:
        inner = command.command if isinstance(command, Audited) else command
        current = trace.get_current_span()
        context = current.get_span_context()
        goes_on = context.is_valid and (current.is_recording() or not context.trace_flags.sampled)
        if type(inner) is RecordReceipt:
            span = self._receipt(inner, context if goes_on else None)
        elif goes_on:
            span = self._tracer.start_span("commit", attributes={"command.kind": type(inner).__name__})
        else:
            return
        self._waiting[future] = span
        future.add_done_callback(self._answered)

    def begun(self, batch: Sequence[_Pending]) -> None:
        self._event(batch, "batch begun")

    def decided(self, batch: Sequence[_Pending]) -> None:
        self._event(batch, "decided")

    def committed(self, batch: Sequence[_Pending]) -> None:
        self._event(batch, "committed")
        for pending in batch:
            span = self._waiting.get(pending.future)
            if span is not None and isinstance(pending.decision, Decision):
                self._note_messages(span, pending.decision)

    # Inside.

    @contextmanager
    def _step(
        self, name: str, parent: Context | None, kind: SpanKind, attributes: dict[str, str | int]
    ) -> Iterator[Span]:
        """A span that is the current one meanwhile. What fails is told by its type: its words may quote anything."""
        with self._tracer.start_as_current_span(
            name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                _failed(span, error)
                raise

    def _receipt(self, command: RecordReceipt, asked_by: SpanContext | None) -> Span:
        """Step 7, in the trace of its message where that is known; what brought it is linked then."""
        message = command.named.message
        parent = self._trace_of(message) if message in self._messages or asked_by is None else None
        attributes: dict[str, str | int] = {"carrier.name": command.carrier}
        if message:
            attributes |= {MESSAGE: str(message), "attempt.number": command.named.attempt}
        links = [Link(asked_by)] if parent is not None and asked_by is not None else []
        return self._tracer.start_span("receipt", parent, SpanKind.CONSUMER, attributes, links)

    def _trace_of(self, message: MessageId) -> Context:
        """Where its trace goes on; a new one where this process does not know it."""
        known = self._messages.get(message)
        return Context() if known is None else trace.set_span_in_context(NonRecordingSpan(known), Context())

    def _event(self, batch: Sequence[_Pending], name: str) -> None:
        for pending in batch:
            span = self._waiting.get(pending.future)
            if span is not None:
                span.add_event(name, {"batch.commands": len(batch)})

    def _note_messages(self, span: Span, decision: Decision) -> None:
        """Whom it is about; a new message's steps follow from here."""
        for row in (*decision.puts, *decision.inserts):
            if type(row) is Message:
                span.set_attribute(MESSAGE, str(row.id))
            elif type(row) is Event:
                span.set_attribute(MESSAGE, str(row.subject))
        for row in decision.inserts:
            if type(row) is Message:
                self._messages[row.id] = span.get_span_context()
        while len(self._messages) > self._keep:
            del self._messages[next(iter(self._messages))]

    def _answered(self, future: asyncio.Future[Any]) -> None:
        span = self._waiting.pop(future)
        error = None if future.cancelled() else future.exception()
        if isinstance(error, Refused):
            span.set_attribute("command.result", error.refusal.value)
        elif error is not None:
            _failed(span, error)
        elif not future.cancelled():
            result = future.result()
            span.set_attribute(
                "command.result", str(result.value) if isinstance(result, enum.Enum) else "done"
            )
        span.end()


def _failed(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(StatusCode.ERROR)


def exporting_provider(endpoint: str, version: str) -> TracerProvider:
    """Sends spans to an OTLP/HTTP address, in a thread of its own.

    The standard variables of OpenTelemetry hold: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER,
    OTEL_BSP_... and OTEL_EXPORTER_OTLP_... but for the address.
    """
    process = f"{socket.gethostname()}/{os.getpid()}"
    ours = Resource.create(
        {"service.name": "onema", "service.version": version, "service.instance.id": process}
    )
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return provider
