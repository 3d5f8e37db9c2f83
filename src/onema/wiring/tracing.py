"""Puts spans around what a process consists of, where its settings want traces; the parts know nothing of it."""

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import onema
from onema.channels.contract import Carrier, Outgoing
from onema.delivery.callback_client import Teller, Told
from onema.delivery.callback_contract import CallbackRequest
from onema.delivery.dispatcher import Deliverer, JobHandler
from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.payload import Payload
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.records import Job
from onema.engine.committer import Committer
from onema.http.application import WireApi
from onema.http.messages import Request, Response
from onema.settings import Settings

if TYPE_CHECKING:
    from onema.telemetry.tracing import Tracing

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_LONGEST_ROUTE = 8
_DESCRIBED_PATH = re.compile(r"^  (/\S+):$", re.MULTILINE)


class Untraced:
    """Leaves everything as it is."""

    def api(self, api: WireApi) -> WireApi:
        return api

    def handler(self, handler: JobHandler) -> JobHandler:
        return handler

    def deliverer(self, deliverer: Deliverer) -> Deliverer:
        return deliverer

    async def send(self, carrier: Carrier, outgoing: Outgoing) -> Outcome:
        return await carrier.send(outgoing)

    def teller(self, teller: Teller) -> Teller:
        return teller


class Traced(Untraced):
    """Puts a span around each step."""

    def __init__(self, tracing: "Tracing") -> None:
        self._tracing = tracing

    def api(self, api: WireApi) -> WireApi:
        return _TracedApi(api, self._tracing)

    def handler(self, handler: JobHandler) -> JobHandler:
        async def traced(job: Job) -> None:
            with self._tracing.job(job):
                await handler(job)

        return traced

    def deliverer(self, deliverer: Deliverer) -> Deliverer:
        return _TracedDeliverer(deliverer, self._tracing)

    async def send(self, carrier: Carrier, outgoing: Outgoing) -> Outcome:
        with self._tracing.attempt(carrier.name, outgoing.message, outgoing.attempt) as span:
            outcome = await carrier.send(outgoing)
            span.set_attribute("attempt.outcome", outcome.kind.value)
            if outcome.ending is not None:
                span.set_attribute("attempt.ending", outcome.ending.value)
            return outcome

    def teller(self, teller: Teller) -> Teller:
        return _TracedTeller(teller, self._tracing)


class _TracedApi:
    """A wire API whose requests are spans."""

    def __init__(self, api: WireApi, tracing: "Tracing") -> None:
        self.name = api.name
        self.path_segments = api.path_segments
        self.refuse_oversized = api.refuse_oversized
        self.fault = api.fault
        self._answer = api.answer
        self._words = frozenset(_words(api))
        self._tracing = tracing

    async def answer(self, request: Request) -> Response:
        method = request.method if request.method in _METHODS else "_OTHER"
        parent = (request.header(b"traceparent") or b"").decode("latin-1")
        with self._tracing.request(self.name, method, route(request.path, self._words), parent) as span:
            response = await self._answer(request)
            span.set_attribute("http.response.status_code", response.status)
            span.set_attribute("request.outcome", response.outcome)
            return response


class _TracedDeliverer:
    def __init__(self, deliverer: Deliverer, tracing: "Tracing") -> None:
        self.first = deliverer.first
        self._deliver = deliverer
        self._tracing = tracing

    async def __call__(self, job: Job, payload: Payload, start: StartAttempt | None, /) -> None:
        with self._tracing.job(job):
            await self._deliver(job, payload, start)


class _TracedTeller:
    def __init__(self, teller: Teller, tracing: "Tracing") -> None:
        self._teller = teller
        self._tracing = tracing

    async def tell(self, request: CallbackRequest, *, as_event: bool = False) -> Told:
        told = await self._teller.tell(request, as_event=as_event)
        self._tracing.told(told.status)
        return told


def route(path: str, words: frozenset[str]) -> str:
    """The path with `{}` for every segment that is none of the API's own words: a phone or a key may stand there."""
    segments = path.lower().split("/")[1 : _LONGEST_ROUTE + 1]
    return "/" + "/".join(segment if segment in words else "{}" for segment in segments)


def _words(api: WireApi) -> Iterator[str]:
    """What stands in the paths that an API serves, in small letters: as it lists them itself, and as the descriptions
    beside it do.
    """
    served: Iterable[str] = getattr(api, "operations", ())
    folder = Path(sys.modules[type(api).__module__].__file__ or "").parent
    described = (file.read_text("utf-8") for file in folder.glob("**/*.yaml"))
    paths = [*served, *(path for text in described for path in _DESCRIBED_PATH.findall(text))]
    yield from api.path_segments
    for path in paths:
        yield from (segment.lower() for segment in path.split("/") if "{" not in segment)


def open_traces(settings: Settings, stack: AsyncExitStack, committer: Committer) -> Untraced:
    """What a process is to be put together with; `stack` sends what is left of the traces at the end."""
    if not settings.telemetry.traces:
        return Untraced()
    # OpenTelemetry is loaded by those who want it.
    from onema.telemetry.tracing import Tracing, exporting_provider

    provider = exporting_provider(settings.telemetry.traces, onema.__version__)
    stack.push_async_callback(asyncio.to_thread, provider.shutdown)
    tracing = Tracing(provider)
    committer.watch_batches(tracing)
    return Traced(tracing)
