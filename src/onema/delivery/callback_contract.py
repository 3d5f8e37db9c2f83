"""What delivery asks of whoever knows how an integrator wants to be told."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.delivery.call_news import CallNews, Told
from onema.domain.delivery.outcome import Ending
from onema.domain.money.low_balance import LowBalanceNews
from onema.domain.records import Call, Message
from onema.http.client.contract import HttpRequest

CallbackRequest = HttpRequest
"""One HTTP request to an integrator, complete: it is sent, and sent again, as it stands."""


class NotTold(msgspec.Struct, frozen=True):
    """The API does not tell this one. `why` goes into the message's story: `its application is a sandbox's`."""

    why: str


class CallbackRenderer(Protocol):
    """Writes the callbacks of one dialect."""

    @property
    def endings(self) -> Mapping[Ending, str]:
        """The vendor's word for every ending; empty where its callbacks tell no more than whether a message arrived."""

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest | NotTold:
        """The request that reports `message`, which is in a final state, to `url`. `call` is its last call, where
        anything was heard of one.

        Pure, and raises for no message of its own dialect: a callback that is sent again says the same.
        """


@runtime_checkable
class CallNewsRenderer(Protocol):
    """A CallbackRenderer that tells how far calls are, too, as it happens. To tell only their end is fine."""

    @property
    def told_of_calls(self) -> Told:
        """For these there is a job each, tried as often as every callback; for the others there is nothing. It never
        changes.
        """

    def render_call(
        self, message: Message, call: Call, news: CallNews, url: str
    ) -> CallbackRequest | NotTold:
        """The request that tells `news` to `url`. `call` is its attempt's row as it is now, which may be further on, or
        over. Pure, and raises for no message of its own dialect. No order is kept between one and the next.
        """


@runtime_checkable
class EventRenderer(Protocol):
    """A CallbackRenderer that tells of accounts, too, for whatever API the message came in by."""

    def render_low_balance(
        self, job: int, account: AccountView, news: LowBalanceNews, message: Message, url: str
    ) -> CallbackRequest | NotTold:
        """The request that tells `url` of it. `job` names the event. Pure."""


def tells_of_calls(renderers: Mapping[str, object]) -> dict[str, Told]:
    """What is told of calls on their way, by dialect."""
    return {
        name: renderer.told_of_calls
        for name, renderer in renderers.items()
        if isinstance(renderer, CallNewsRenderer)
    }
