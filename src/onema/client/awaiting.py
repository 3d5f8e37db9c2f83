"""The client for programs on asyncio: on the HTTP client that the server itself sends with."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Concatenate, ParamSpec, Self, TypeVar

from onema.client.call import Call, Tries, asked_to_wait
from onema.client.errors import NoAnswer
from onema.client.server import BODY_LIMIT, PATIENCE, SECONDS, Server
from onema.http.client.client import PooledClient
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent

KEPT = 64
"""Connections that wait for the next call."""
P = ParamSpec("P")
T = TypeVar("T")


class AwaitingSender:
    """Sends calls, and each again where that does no harm."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        seconds: float = SECONDS,
        patience: float = PATIENCE,
        ca_file: str = "",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`url` is the server's, `key` and `secret` a credential's of the dialect `native`.

        `seconds` bounds each try, `patience` what all waits between tries may take together. `ca_file` holds
        certificates to believe. Raises ValueError for a URL that is none.
        """
        self._server = Server(url, key, secret, ca_file)
        self._headers = tuple((name.encode(), value.encode()) for name, value in self._server.headers.items())
        self._patience = patience
        self._sleep = sleep
        self._client = PooledClient(
            seconds=seconds,
            idle_connections=KEPT,
            private_targets=True,
            ca_file=ca_file,
            body_limit=BODY_LIMIT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Break off what is under way. Safe twice."""
        await self._client.close()

    async def send(self, call: Call[T]) -> T:
        """Raises OnemaError."""
        tries = Tries(call, self._patience)
        while True:
            try:
                answer = await self._exchange(call)
            except NoAnswer as error:
                wait = tries.after_silence(may_have_left=error.may_have_left)
                if wait is None:
                    raise
            else:
                retry_after = asked_to_wait(answer.header(b"retry-after"), time.time())
                wait = tries.after_answer(answer.status, retry_after)
                if wait is None:
                    content_type = answer.header(b"content-type").decode("latin-1")
                    return call.read(answer.status, content_type, answer.body, retry_after)
            await self._sleep(wait)

    async def _exchange(self, call: Call[T]) -> HttpAnswer:
        own = tuple((name.encode(), value.encode()) for name, value in call.headers().items())
        url = self._server.url + call.target
        try:
            return await self._client.exchange(
                HttpRequest(call.method, url, (*self._headers, *own), call.body_bytes())
            )
        except NotSent as error:
            raise NoAnswer(str(error), may_have_left=False) from None
        except MayHaveLeft as error:
            raise NoAnswer(str(error), may_have_left=True) from None


def awaiting(
    build: Callable[P, Call[T]],
) -> Callable[Concatenate[AwaitingSender, P], Coroutine[None, None, T]]:
    """The method that sends what `build` makes."""

    @wraps(build)
    async def send(self: AwaitingSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(build(*args, **kwargs))

    return send
