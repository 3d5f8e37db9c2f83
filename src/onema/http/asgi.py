"""From ASGI to the wire APIs and back.

This is the hot path of every request. Wire APIs get no framework: their vendors' clients need what frameworks
forbid (`json//Send...`, names in any case, raw braces), and what is left of one is a table of first segments.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from time import perf_counter
from typing import Protocol
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onema.http.body import (
    BODY_LIMIT,
    BodyTooLargeError,
    ClientGoneError,
    discard_body,
    limited,
    read_body,
    told_length,
)
from onema.http.client_address import FORWARDED_HOST, TrustedProxies
from onema.http.messages import Request, Response
from onema.http.probes import Health, OwnHealth, Probes
from onema.telemetry.faults import describe_fault
from onema.telemetry.logs import request_number
from onema.telemetry.metrics import ExchangeMeter, Metrics
from onema.telemetry.redaction import safe

_log = logging.getLogger(__name__)
_CLOSE = (b"connection", b"close")
_TEXT = b"text/plain; charset=utf-8"


class WireApi(Protocol):
    """One wire API, chosen by the first segment of the path.

    `path_segments` are lower-case. `answer` may raise anything: the caller then gets `fault`, which like
    `refuse_oversized` must only build an answer in the API's own shape. `refuse_oversized` sees no body.
    """

    @property
    def name(self) -> str: ...
    @property
    def path_segments(self) -> frozenset[str]: ...
    async def answer(self, request: Request) -> Response: ...
    def refuse_oversized(self, request: Request) -> Response: ...
    def fault(self, request: Request, incident: str) -> Response: ...


def new_incident() -> str:
    return secrets.token_hex(4)


class HttpApplication:
    """The whole server as one ASGI application: wire APIs, probes, and the console for everything else."""

    def __init__(
        self,
        apis: Sequence[WireApi],
        console: ASGIApp,
        trusted_proxies: TrustedProxies,
        ready: Callable[[], bool],
        metrics: Metrics,
        new_incident: Callable[[], str] = new_incident,
        health: Health | None = None,
    ) -> None:
        """`health` answers the probes, instead of this process's own `ready` and `metrics`.

        Raise ValueError when two APIs claim the same first segment.
        """
        probes = Probes(health or OwnHealth(ready, metrics.render))
        self._apis = _by_segment([*apis, probes], metrics)
        self._console = console
        self._console_meter = metrics.exchanges("console")
        self._proxies = trusted_proxies
        self._new_incident = new_incident
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _follow_lifespan(receive, send)
            return
        started = perf_counter()
        request_number.set(next(self._numbers))
        path: str = scope["path"]
        if "\ufffd" in path:
            path = _decoded_path(scope["raw_path"])
        rest = path.lstrip("/")
        found = self._apis.get(rest.split("/", 1)[0].lower())
        try:
            if found is None:
                await self._show_console(scope, receive, send, started)
            else:
                api, meter = found
                outcome = await self._exchange(api, "/" + rest, scope, receive, send)
                meter.observe(outcome, perf_counter() - started)
        except asyncio.CancelledError:
            # Only a server that stops cancels, and only after it has closed the connection.
            return

    async def _exchange(self, api: WireApi, path: str, scope: Scope, receive: Receive, send: Send) -> str:
        headers = scope["headers"]
        client = scope["client"]
        client_ip = self._proxies.client_ip(client[0], headers) if client else ""
        body = b""
        length = told_length(headers)
        if length:
            try:
                if length > BODY_LIMIT:
                    raise BodyTooLargeError
                body = await read_body(receive)
            except ClientGoneError:
                return "client_gone"
            except BodyTooLargeError:
                request = Request(scope["method"], path, scope["query_string"], headers, b"", client_ip)
                await _refuse(api.refuse_oversized(request), receive, send)
                return "oversized"
        request = Request(scope["method"], path, scope["query_string"], headers, body, client_ip)
        try:
            response = await api.answer(request)
        except Exception as exc:  # noqa: BLE001 - the edge: whatever failed, the caller gets the API's own shape
            response = api.fault(request, self._record_incident(api.name, exc))
            outcome = "fault"
        else:
            outcome = response.outcome
        content = response.body
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [
                    (b"content-type", response.content_type),
                    (b"content-length", b"%d" % len(content)),
                    *response.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": content})
        return outcome

    async def _show_console(self, scope: Scope, receive: Receive, send: Send, started: float) -> None:
        outcome = ""

        async def send_and_measure(message: Message) -> None:
            nonlocal outcome
            if not outcome and message["type"] == "http.response.start":
                # Until the first byte: an event stream lasts for hours.
                outcome = _OUTCOME_BY_CLASS.get(message["status"] // 100, "ok")
                self._console_meter.observe(outcome, perf_counter() - started)
            await send(message)

        self._apply_forwarding(scope)
        try:
            if told_length(scope["headers"]) > BODY_LIMIT:
                raise BodyTooLargeError
            await self._console(scope, limited(receive), send_and_measure)
        except BodyTooLargeError:
            if not outcome:
                await _refuse(Response(413, b"request body too large", _TEXT), receive, send_and_measure)
        except Exception as exc:  # noqa: BLE001 - the edge: see _exchange
            incident = self._record_incident("console", exc)
            if not outcome:
                response = Response(500, f"internal error, incident {incident}".encode(), _TEXT)
                await _send_closing(response, send_and_measure, more_body=False)

    def _apply_forwarding(self, scope: Scope) -> None:
        peer = scope["client"]
        if peer is None:
            return
        headers = scope["headers"]
        scope["client"] = (self._proxies.client_ip(peer[0], headers), peer[1])
        if not self._proxies.trusts(peer[0]):
            return
        for name, value in headers:
            if name == b"x-forwarded-proto" and _first(value).lower() == "https":
                scope["scheme"] = "https"
            elif name == b"x-forwarded-host":
                scope[FORWARDED_HOST] = _first(value)

    def _record_incident(self, api: str, exc: Exception) -> str:
        incident = self._new_incident()
        _log.error(
            "a request failed",
            extra={"action": "answer", "api": api, "incident": safe(incident), "fault": describe_fault(exc)},
        )
        return incident


_OUTCOME_BY_CLASS = {4: "refused", 5: "fault"}


def _by_segment(apis: Iterable[WireApi], metrics: Metrics) -> dict[str, tuple[WireApi, ExchangeMeter]]:
    table: dict[str, tuple[WireApi, ExchangeMeter]] = {}
    for api in apis:
        meter = metrics.exchanges(api.name)
        for segment in api.path_segments:
            if segment in table:
                raise ValueError(f"/{segment} belongs to both {table[segment][0].name} and {api.name}")
            table[segment] = (api, meter)
    return table


def _first(value: bytes) -> str:
    """What the browser sent; the values after it are what one proxy sent to the next."""
    return value.decode("latin-1").split(",", 1)[0].strip()


def _decoded_path(raw_path: bytes) -> str:
    path = unquote_to_bytes(raw_path)
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path.decode("latin-1")


async def _refuse(response: Response, receive: Receive, send: Send) -> None:
    await _send_closing(response, send, more_body=True)
    await discard_body(receive)
    await send({"type": "http.response.body"})


async def _send_closing(response: Response, send: Send, *, more_body: bool) -> None:
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *response.headers,
        _CLOSE,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": more_body})


async def _follow_lifespan(receive: Receive, send: Send) -> None:
    # Starting and stopping is wiring's work; the events are accepted for servers that insist on them.
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
