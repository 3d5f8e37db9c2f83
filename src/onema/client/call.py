"""One operation of the API, asked once or several times, apart from any connection."""

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from onema.client.errors import OnemaError, UnexpectedAnswer, problem
from onema.http.client.retry_after import retry_after_seconds

TRIES = 3
FIRST_WAIT = 0.25
"""Seconds before the second try; each later wait is twice as long. Up to half of it is left to chance."""
_SAFE_TWICE = frozenset({"GET", "PUT", "DELETE"})
"""RFC 9110, 9.2.2."""
_UNREAD = frozenset({str, type(None)})
"""Answers that are no JSON: another kind of text, or nothing."""
_NOT_DONE = 429
_PASSES = frozenset({500, 502, 503, 504})
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request of one operation. `path` begins with a slash, members that are UNSET are left out of `body`."""

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    key: str = ""
    """The Idempotency-Key: under it the request is served once, however often it is sent."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a second request does no harm where the first was served."""
        return self.method in _SAFE_TWICE or bool(self.key)

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line."""
        told = {name: _shown(value) for name, value in self.query.items() if value is not None}
        return f"{self.path}?{urlencode(told)}" if told else self.path

    def headers(self) -> dict[str, str]:
        headers = {"accept": "application/json, application/problem+json"}
        if self.body is not None:
            headers["content-type"] = "application/json"
        if self.key:
            headers["idempotency-key"] = f'"{self.key}"'
        return headers

    def body_bytes(self) -> bytes:
        if self.body is None:
            return b""
        return msgspec.json.encode(
            {name: value for name, value in self.body.items() if value is not msgspec.UNSET}
        )

    def read(self, status: int, content_type: str, body: bytes, retry_after: float | None) -> T:
        """Raises Problem and UnexpectedAnswer."""
        if status >= 400:
            raise _refused(status, content_type, body, retry_after)
        if not 200 <= status < 300:
            raise UnexpectedAnswer(status, "no answer of this API")
        try:
            if self.answer in _UNREAD:
                return cast(T, body.decode() if self.answer is str else None)
            return msgspec.json.decode(body, type=self.answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # What msgspec says names places and types, never a value.
            raise UnexpectedAnswer(status, str(error)) from None


def part(value: object) -> str:
    """A part of a path."""
    return quote(str(value), safe="")


def new_key() -> str:
    return str(uuid.uuid4())


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(status: int, content_type: str, body: bytes, retry_after: float | None) -> OnemaError:
    if content_type.partition(";")[0].strip().lower() == "application/problem+json":
        try:
            return problem(status, msgspec.json.decode(body, type=dict[str, Any]), retry_after)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    if status == _NOT_DONE or status in _PASSES:
        # A proxy says this, too.
        return problem(status, {}, retry_after)
    return UnexpectedAnswer(status, "no problem details")


def asked_to_wait(value: bytes, now: float) -> float | None:
    """Seconds that a Retry-After asks for from `now` (Unix seconds); None without one."""
    return retry_after_seconds(value, int(now * 1000)) if value else None


class Tries:
    """How often a call is sent. Each method says how many seconds to wait before the next try, None for no other.

    `patience` is how many seconds the waits may take together.
    """

    def __init__(self, call: Call[Any], patience: float, chance: Callable[[], float] = random.random) -> None:
        self._call = call
        self._patience = patience
        self._chance = chance
        self._made = 0

    def after_answer(self, status: int, retry_after: float | None) -> float | None:
        """429 says that nothing was done. After a 5xx nobody knows."""
        again = status == _NOT_DONE or (status in _PASSES and self._call.is_repeatable)
        return self._wait(retry_after or 0.0) if again else None

    def after_silence(self, *, may_have_left: bool) -> float | None:
        return self._wait(0.0) if self._call.is_repeatable or not may_have_left else None

    def _wait(self, at_least: float) -> float | None:
        self._made += 1
        wait: float = max(at_least, FIRST_WAIT * 2 ** (self._made - 1) * (1 - self._chance() / 2))
        if self._made >= TRIES or wait > self._patience:
            return None
        self._patience -= wait
        return wait
