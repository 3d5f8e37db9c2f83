"""From requests to the wire APIs, and back.

This is the hot path of every request. Wire APIs get no framework: their vendors' clients need what frameworks
forbid (`json//Send...`, names in any case, raw braces), and what is left of one is a table of first segments.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from time import perf_counter
from typing import Protocol

from starlette.types import ASGIApp, Scope

from onema.http.asgi import AsgiExchange
from onema.http.client_address import FORWARDED_HOST, TrustedProxies
from onema.http.connection import Connection
from onema.http.messages import Request, Response
from onema.http.probes import Health, OwnHealth, Probes
from onema.http.reader import Incoming
from onema.telemetry.faults import describe_fault
from onema.telemetry.logs import request_number
from onema.telemetry.metrics import ExchangeMeter, Metrics
from onema.telemetry.redaction import safe

_log = logging.getLogger(__name__)
_TEXT = b"text/plain; charset=utf-8"
_TOO_LARGE = Response(413, b"request body too large", _TEXT)


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
    """All that the server answers: wire APIs, probes, and the console for everything else."""

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
        self.client_ip = trusted_proxies.client_ip
        self._new_incident = new_incident
        self._numbers = count(1)

    async def serve(self, incoming: Incoming, connection: Connection) -> None:
        started = perf_counter()
        request_number.set(next(self._numbers))
        request = incoming.request
        found = self._find(request)
        if found is None:
            await self._show_console(incoming, connection, started)
            return
        api, meter = found
        try:
            if incoming.is_oversized:
                response, outcome = api.refuse_oversized(request), "oversized"
            else:
                response = await api.answer(request)
                outcome = response.outcome
            connection.answer(response)
        except Exception as exc:  # noqa: BLE001 - the edge: whatever failed, the caller gets the API's own shape
            connection.answer(api.fault(request, self._record_incident(api.name, exc)))
            outcome = "fault"
        meter.observe(outcome, perf_counter() - started)

    def client_gone(self, request: Request) -> None:
        if found := self._find(request):
            found[1].count("client_gone")

    def _find(self, request: Request) -> tuple[WireApi, ExchangeMeter] | None:
        return self._apis.get(request.path[1:].partition("/")[0].lower())

    async def _show_console(self, incoming: Incoming, connection: Connection, started: float) -> None:
        def observe(status: int) -> None:
            # Until the first byte: an event stream lasts for hours.
            outcome = _OUTCOME_BY_CLASS.get(status // 100, "ok")
            self._console_meter.observe(outcome, perf_counter() - started)

        def answer(response: Response) -> None:
            observe(response.status)
            connection.answer(response)

        if incoming.is_oversized:
            answer(_TOO_LARGE)
            return
        exchange = AsgiExchange(incoming, connection, observe)
        scope = exchange.scope()
        self._apply_forwarding(scope, connection.peer[0])
        try:
            await exchange.run(self._console, scope)
        except Exception as exc:  # noqa: BLE001 - the edge: see serve
            incident = self._record_incident("console", exc)
            if not exchange.is_begun:
                answer(Response(500, f"internal error, incident {incident}".encode(), _TEXT))

    def _apply_forwarding(self, scope: Scope, peer: str) -> None:
        if not self._proxies.trusts(peer):
            return
        for name, value in scope["headers"]:
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
