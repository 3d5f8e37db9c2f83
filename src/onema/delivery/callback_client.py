"""What an integrator's answer to a callback means. docs/callbacks.md tells integrators what this means for them."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from onema.delivery.callback_contract import CallbackRequest
from onema.delivery.patience import LONGEST_EVENT_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from onema.domain.configuration.callback_target import BadCallbackUrl, parse_callback_url
from onema.http.client.client import PooledClient
from onema.http.client.contract import HttpAnswer, MayHaveLeft, NotSent, TargetRefused
from onema.http.client.network import Resolve, resolve
from onema.http.client.retry_after import retry_after_seconds

BODY_SECONDS = 1.0
"""So long the body of an answer may take once its head is there: nobody looks at it, it is read for the connection's
sake."""
IDLE_CONNECTIONS = 32
SHOWN_BYTES = 300
"""Of an answer's body, for whoever tries a callback out."""
GONE = 410

_AGAIN = frozenset({408, 425, 429})
"""The statuses from 400 to 499 that say "later"; any other says that the same request will never be liked. Of an event
any but GONE says "later", as Standard Webhooks has it.
"""


class Told(msgspec.Struct, frozen=True):
    """How one try ended: `problem` is empty when the receiver took it, `again` says whether another try may help, after
    at least `pause_ms`. `host` was asked, and answered with `status`; 0 when it did not. `said` is how
    its answer begins.
    """

    problem: str = ""
    again: bool = False
    pause_ms: int = 0
    host: str = ""
    status: int = 0
    said: str = ""


class Teller(Protocol):
    """Sends callbacks."""

    async def tell(self, request: CallbackRequest, *, as_event: bool = False) -> Told:
        """Send it once."""


class CallbackClient:
    """Sends callbacks. `seconds` bounds the whole of one try: name, connection, TLS, request and answer;
    `event_seconds` that of an event, where it has longer.
    """

    def __init__(
        self,
        *,
        seconds: float,
        event_seconds: float = 0.0,
        now: Callable[[], int],
        private_targets: bool = False,
        proxy: str = "",
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        """`now` is the clock in Unix ms. Raises ClientRefused."""
        self._now = now
        self._event_seconds = max(event_seconds, seconds)
        self._client = PooledClient(
            seconds=seconds,
            body_seconds=BODY_SECONDS,
            idle_connections=IDLE_CONNECTIONS,
            private_targets=private_targets,
            private_setting="callback.private_targets",
            proxy=proxy,
            proxy_setting="callback.proxy",
            ca_file=ca_file,
            ca_setting="callback.ca_file",
            resolve=resolve,
        )

    async def tell(self, request: CallbackRequest, *, as_event: bool = False) -> Told:
        """Send it once."""
        try:
            target = parse_callback_url(request.url)
        except BadCallbackUrl as error:
            return Told(f"the URL {error}")
        return msgspec.structs.replace(await self._tell(request, as_event), host=target.host)

    async def _tell(self, request: CallbackRequest, as_event: bool) -> Told:
        seconds = self._event_seconds if as_event else None
        try:
            return self._told(await self._client.exchange(request, seconds), as_event)
        except TargetRefused as error:
            return Told(str(error))
        except NotSent as error:
            return Told(str(error), again=True)
        except MayHaveLeft as error:
            # Its status is what counts, though the body broke off or never ends.
            return self._told(error.answer, as_event) if error.answer else Told(str(error), again=True)

    def _told(self, answer: HttpAnswer, as_event: bool) -> Told:
        status = answer.status
        if 200 <= status < 300:
            return Told(status=status, said=_beginning(answer.body))
        problem = f"HTTP {status}"
        if 300 <= status < 400:
            return Told(
                f"{problem}, and callbacks follow no redirect",
                again=True,
                status=status,
                said=_beginning(answer.body),
            )
        again = status >= 500 or (status != GONE if as_event else status in _AGAIN)
        return Told(
            problem,
            again=again,
            pause_ms=self._pause(answer, as_event),
            status=status,
            said=_beginning(answer.body),
        )

    def _pause(self, answer: HttpAnswer, as_event: bool) -> int:
        seconds = retry_after_seconds(answer.header(b"retry-after"), self._now())
        longest = LONGEST_EVENT_PAUSE_SECONDS if as_event else LONGEST_PAUSE_SECONDS
        return round(min(seconds, longest) * 1000)

    async def close(self) -> None:
        await self._client.close()


def _beginning(body: bytes) -> str:
    return body[:SHOWN_BYTES].decode("utf-8", "replace")
