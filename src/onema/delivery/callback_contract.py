"""What delivery asks of whoever knows how an integrator wants to be told."""

from collections.abc import Mapping
from typing import Protocol

from onema.domain.delivery.outcome import Ending
from onema.domain.records import Message
from onema.http.client.contract import HttpRequest

CallbackRequest = HttpRequest
"""One HTTP request to an integrator, complete: it is sent, and sent again, as it stands."""


class CallbackRenderer(Protocol):
    """Writes the callbacks of one dialect."""

    @property
    def endings(self) -> Mapping[Ending, str]:
        """The vendor's word for every ending; empty where its callbacks tell no more than whether a message arrived."""

    def render(self, message: Message, url: str) -> CallbackRequest:
        """The request that reports `message`, which is in a final state, to `url`.

        Pure, and raises for no message of its own dialect: a callback that is sent again says the same.
        """
