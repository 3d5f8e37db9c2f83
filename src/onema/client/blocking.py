"""The client that waits: on the standard library's connections, so that threads and forked processes may share it."""

import http.client
import select
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, NamedTuple, ParamSpec, Self, TypeVar

from onema.client.call import Call, Tries, asked_to_wait
from onema.client.errors import NoAnswer
from onema.client.server import BODY_LIMIT, PATIENCE, SECONDS, Server

KEPT = 16
"""Connections that wait for the next call."""
P = ParamSpec("P")
T = TypeVar("T")


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    content_type: str
    retry_after: float | None
    body: bytes


class BlockingSender:
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` is the server's, `key` and `secret` a credential's of the dialect `native`.

        `seconds` bounds each wait for the server, `patience` what all waits between tries may take together. `ca_file`
        holds certificates to believe. Raises ValueError for a URL that is none.
        """
        self._server = Server(url, key, secret, ca_file)
        self._seconds = seconds
        self._patience = patience
        self._sleep = sleep
        self._kept: deque[http.client.HTTPConnection] = deque(maxlen=KEPT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept. Safe twice."""
        while self._kept:
            self._kept.pop().close()

    def send(self, call: Call[T]) -> T:
        """Raises OnemaError."""
        tries = Tries(call, self._patience)
        while True:
            try:
                answer = self._exchange(call)
            except NoAnswer as error:
                wait = tries.after_silence(may_have_left=error.may_have_left)
                if wait is None:
                    raise
            else:
                wait = tries.after_answer(answer.status, answer.retry_after)
                if wait is None:
                    return call.read(answer.status, answer.content_type, answer.body, answer.retry_after)
            self._sleep(wait)

    def _exchange(self, call: Call[T]) -> Answer:
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as error:
            connection.close()
            raise NoAnswer(f"no connection ({_why(error)})", may_have_left=False) from None
        try:
            headers: Mapping[str, str] = {**self._server.headers, **call.headers()}
            target = self._server.path + call.target
            connection.request(call.method, target, call.body_bytes() or None, headers)
            response = connection.getresponse()
            body = response.read(BODY_LIMIT + 1)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(f"no whole answer ({_why(error)})", may_have_left=True) from None
        except BaseException:
            connection.close()
            raise
        if len(body) > BODY_LIMIT:
            connection.close()
            raise NoAnswer("the answer is too long", may_have_left=True)
        self._keep(connection, response)
        told = response.headers.get("retry-after", "").encode("latin-1", "replace")
        return Answer(
            response.status, response.headers.get("content-type", ""), asked_to_wait(told, time.time()), body
        )

    def _connection(self) -> http.client.HTTPConnection:
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:  # another thread had it
                break
            # On one that is idle nothing may be there to read, and its end is something to read.
            if connection.sock is not None and not _readable(connection):
                return connection
            connection.close()
        server = self._server
        if server.tls is None:
            return http.client.HTTPConnection(server.host, server.port, timeout=self._seconds)
        return http.client.HTTPSConnection(
            server.host, server.port, timeout=self._seconds, context=server.tls
        )

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.will_close or len(self._kept) >= KEPT:
            connection.close()
        else:
            self._kept.append(connection)


def _readable(connection: http.client.HTTPConnection) -> bool:
    poll = select.poll()
    poll.register(connection.sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return type(error).__name__


def blocking(build: Callable[P, Call[T]]) -> Callable[Concatenate[BlockingSender, P], T]:
    """The method that sends what `build` makes."""

    @wraps(build)
    def send(self: BlockingSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(build(*args, **kwargs))

    return send
