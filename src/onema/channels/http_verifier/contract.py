"""What a service must say of its HTTP API that makes and checks codes, so that verifier.py can be its carrier. All of
it is pure, but for logins, which may ask for a token.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from msgspec import Meta

from onema.channels.http_sender.contract import HttpCarrierSettings
from onema.channels.http_verifier.logins import Login
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Outcome
from onema.domain.records import Channel
from onema.http.client.contract import HttpAnswer, HttpRequest

CODE = re.compile(r"[0-9A-Za-z]{4,10}")
"""What any of these services takes for a code; anything else is wrong without asking."""


class HttpVerifierSettings(HttpCarrierSettings, frozen=True, kw_only=True):
    """What the settings of each such service have besides their own."""

    code_length: Annotated[
        int, Meta(ge=4, le=10, description="Characters of its codes, as they are configured there.")
    ] = 6


class VerifierApi(Protocol):
    """One carrier's way to speak with its service. Requests have no login: the carrier adds it. Whatever the service
    sends, nothing is raised.
    """

    @property
    def login(self) -> Login:
        """Who we are there."""

    def start(self, asked: AskedCode, now: int) -> HttpRequest | Outcome:
        """The request for a code at `now` (Unix ms); or how it ends, where none can be asked for."""

    def started(self, answer: HttpAnswer) -> Outcome:
        """What its answer means; see VendorApi.outcome_of. Taken, it has one reference."""

    def clearing(self, asked: AskedCode, refusal: HttpAnswer | None) -> HttpRequest | None:
        """What ends an older code of the phone that stands in the way of a new one: asked first with None, then with
        the answer to the start, which is repeated when something was cleared.
        """

    def look_up(self, asked: AskedCode) -> HttpRequest | None:
        """How to learn what became of a start whose answer was lost, without sending anything."""

    def check(self, reference: str, typed: str) -> HttpRequest | Verdict:
        """The request that tries a text of the form CODE; or what it is worth, where that is known."""

    def checked(self, answer: HttpAnswer) -> Verdict:
        """NO_ANSWER for everything that does not say for certain what the try was worth."""

    def cancel(self, reference: str) -> HttpRequest | None:
        """What makes the service forget a code; None where it has no such thing."""


def _no_problem(document: doc.Carrier) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class Service:
    """One type of such carriers."""

    settings: type[HttpVerifierSettings]
    api: Callable[[Any], VerifierApi]
    """Makes it of the carrier's settings."""
    problems: Callable[[doc.Carrier], Iterator[Problem]] = _no_problem
    """What is wrong with a document whose settings fit."""
    channels: frozenset[Channel] = frozenset(Channel)
    """By what it sends codes."""
