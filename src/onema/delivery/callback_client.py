"""The HTTP client of callbacks: whoever answers, however it answers, it costs a bounded time and a few kilobytes.

httpcore, the layer under httpx, does what is wanted and nothing more: no cookies, no redirects, no decoding of bodies,
and nothing from the environment. docs/callbacks.md tells integrators what this means for them.
"""

import email.utils
from collections.abc import Callable

import anyio
import httpcore
import msgspec

import onema
from onema.delivery.callback_contract import CallbackRequest
from onema.domain.configuration.callback_target import (
    DEFAULT_PORTS,
    BadCallbackUrl,
    CallbackTarget,
    local_problem,
    parse_callback_url,
)
from onema.http.client.network import GuardedNetwork, Resolve, TargetRefused, resolve
from onema.http.client.trust import proxy_of, tls_context

BODY_LIMIT = 65_536
"""So much of an answer's body is read, for the connection's sake; nobody looks at it."""
BODY_SECONDS = 1.0
"""And for so long: the status has been read by then."""
IDLE_CONNECTIONS = 32
IDLE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 3_600
"""What `Retry-After` may ask for."""

_AGAIN = frozenset({408, 425, 429})
"""The statuses from 400 to 499 that say "later"; any other says that the same request will never be liked."""
_AGENT = (b"User-Agent", f"onema/{onema.__version__}".encode())


class Told(msgspec.Struct, frozen=True):
    """How one try ended: `problem` is empty when the receiver took it, `again` says whether another try may help, after
    at least `pause_ms`. `host` was asked, and answered with `status`; 0 when it did not.
    """

    problem: str = ""
    again: bool = False
    pause_ms: int = 0
    host: str = ""
    status: int = 0


class CallbackClient:
    """Sends callbacks. `seconds` bounds the whole of one try: name, connection, TLS, request and answer."""

    def __init__(
        self,
        *,
        seconds: float,
        now: Callable[[], int],
        private_targets: bool = False,
        proxy: str = "",
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        """`now` is the clock in Unix ms. Raises ClientRefused."""
        self._seconds = seconds
        self._now = now
        self._private_targets = private_targets
        # A proxy is the operator's own, and looks names up by itself.
        network = GuardedNetwork(private_targets=private_targets or bool(proxy), resolve=resolve)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls_context(ca_file, "callback.ca_file"),
            proxy=proxy_of(proxy, "callback.proxy"),
            max_connections=None,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=network,
        )

    async def tell(self, request: CallbackRequest) -> Told:
        """Send it once."""
        try:
            target = parse_callback_url(request.url)
        except BadCallbackUrl as error:
            return Told(f"the callback URL {error}")
        return msgspec.structs.replace(await self._tell(target, request), host=target.host)

    async def _tell(self, target: CallbackTarget, request: CallbackRequest) -> Told:
        if not self._private_targets and (problem := local_problem(target)):
            return Told(f"the callback URL {problem}")
        try:
            return await self._exchange(target, request)
        except TargetRefused:
            return Told("the host has no address on the public Internet, and callback.private_targets is off")
        except TimeoutError:
            return Told(f"no answer within {self._seconds:g} s", again=True)
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.ProxyError,
        ) as error:
            return Told(type(error).__name__, again=True)

    async def _exchange(self, target: CallbackTarget, request: CallbackRequest) -> Told:
        told: Told | None = None
        try:
            # anyio's time-outs spare what httpcore shields from them: asyncio's own may strike while it closes a
            # connection, which would then stay open for ever (httpcore 1.0.9).
            with anyio.fail_after(self._seconds):
                async with self._pool.stream(
                    request.method,
                    _url(target),
                    headers=_headers(target, request),
                    content=request.body or None,
                ) as response:
                    told = self._told(response)
                    await _drain(response)
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            if told is None:
                raise
        assert told is not None  # noqa: S101  # either it was read or something was raised
        return told

    def _told(self, response: httpcore.Response) -> Told:
        status = response.status
        if 200 <= status < 300:
            return Told(status=status)
        problem = f"HTTP {status}"
        if 300 <= status < 400:
            return Told(f"{problem}, and callbacks follow no redirect", again=True, status=status)
        again = status >= 500 or status in _AGAIN
        return Told(problem, again=again, pause_ms=self._pause(response), status=status)

    def _pause(self, response: httpcore.Response) -> int:
        """What `Retry-After` (RFC 9110, 10.2.3) asks for, seconds or a date, within bounds; else 0."""
        text = next(
            (value for name, value in response.headers if name.lower() == b"retry-after"), b""
        ).decode("latin-1")
        if text.isdecimal():
            seconds = float(text[:9])
        else:
            try:
                seconds = email.utils.parsedate_to_datetime(text).timestamp() - self._now() / 1000
            except (ValueError, OverflowError):
                return 0
        return round(min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS) * 1000)

    async def close(self) -> None:
        await self._pool.aclose()


def _headers(target: CallbackTarget, request: CallbackRequest) -> list[tuple[bytes, bytes]]:
    # No Accept-Encoding: there is nothing to unpack.
    headers = [(b"Host", target.host_header), (b"Accept", b"*/*"), _AGENT, *request.headers]
    if target.authorization:
        headers.append((b"Authorization", target.authorization))
    return headers


def _url(target: CallbackTarget) -> httpcore.URL:
    port = None if target.port == DEFAULT_PORTS[target.scheme] else target.port
    return httpcore.URL(scheme=target.scheme, host=target.host, port=port, target=target.path)


async def _drain(response: httpcore.Response) -> None:
    """Read a short body to its end, so that the connection can be used again; what is longer or late is cut off."""
    size = 0
    with anyio.move_on_after(BODY_SECONDS):
        async for part in response.aiter_stream():
            size += len(part)
            if size > BODY_LIMIT:
                return
