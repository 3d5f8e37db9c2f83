"""The HTTP client of carriers. A request may have left once its first byte is handed to a connection."""

import anyio
import httpcore

import onema
from onema.domain.configuration.callback_target import (
    DEFAULT_PORTS,
    BadCallbackUrl,
    CallbackTarget,
    local_problem,
    parse_callback_url,
)
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent
from onema.http.client.network import GuardedNetwork, Resolve, TargetRefused, resolve
from onema.http.client.trust import proxy_of, tls_context

BODY_LIMIT = 65_536
IDLE_SECONDS = 15.0
_AGENT = (b"User-Agent", f"onema/{onema.__version__}".encode())


class PooledClient:
    """Keeps connections for later. `seconds` bounds the whole of one exchange."""

    def __init__(
        self,
        *,
        seconds: float,
        connections: int,
        private_targets: bool = False,
        proxy: str = "",
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        """Raises ClientRefused."""
        self._seconds = seconds
        self._private_targets = private_targets
        network = GuardedNetwork(private_targets=private_targets or bool(proxy), resolve=resolve)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls_context(ca_file, "settings.ca_file"),
            proxy=proxy_of(proxy, "settings.proxy"),
            max_connections=None,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=network,
        )

    async def exchange(self, request: HttpRequest) -> HttpAnswer:
        try:
            target = parse_callback_url(request.url)
        except BadCallbackUrl as error:
            raise NotSent(f"the URL {error}") from None
        if not self._private_targets and (problem := local_problem(target)):
            raise NotSent(f"the URL {problem}")
        begun = [False]

        async def trace(event: str, info: object) -> None:
            if event == "http11.send_request_headers.started":
                begun[0] = True

        try:
            with anyio.fail_after(self._seconds):
                async with self._pool.stream(
                    request.method,
                    _url(target),
                    headers=_headers(target, request),
                    content=request.body or None,
                    extensions={"trace": trace},
                ) as response:
                    parts, size = [], 0
                    async for part in response.aiter_stream():
                        parts.append(part)
                        size += len(part)
                        if size > BODY_LIMIT:
                            raise MayHaveLeft("the answer is too long", response.status)
                    headers = [(name.lower(), value) for name, value in response.headers]
                    return HttpAnswer(response.status, headers, b"".join(parts))
        except TargetRefused:
            raise NotSent("the host has no address on the public Internet") from None
        except (
            TimeoutError,
            OSError,
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.ProxyError,
        ) as error:
            why = type(error).__name__
            raise (MayHaveLeft(why) if begun[0] else NotSent(why)) from None

    async def close(self) -> None:
        await self._pool.aclose()


def _headers(target: CallbackTarget, request: HttpRequest) -> list[tuple[bytes, bytes]]:
    headers = [(b"Host", target.host_header), (b"Accept", b"*/*"), _AGENT, *request.headers]
    if target.authorization:
        headers.append((b"Authorization", target.authorization))
    return headers


def _url(target: CallbackTarget) -> httpcore.URL:
    port = None if target.port == DEFAULT_PORTS[target.scheme] else target.port
    return httpcore.URL(scheme=target.scheme, host=target.host, port=port, target=target.path)
