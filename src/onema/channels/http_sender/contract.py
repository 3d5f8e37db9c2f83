"""What a vendor's HTTP API must say, so that the sender (sender.py) can be its carrier. All of it is pure.

A vendor's module has its settings, a class that is its VendorApi, and one `Vendor` that names both; the registry of
carrier types has a line for it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from msgspec import Meta

from onema.channels.contract import Outgoing, Receipt
from onema.domain.configuration import documents as doc
from onema.domain.configuration.callback_target import BadCallbackUrl, local_problem, parse_callback_url
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response
from onema.secret import Secret

SHORTEST_TOKEN = 16


class HttpCarrierSettings(CarrierSettings, frozen=True, kw_only=True):
    """What the settings of every carrier that is an HTTP API have besides their own."""

    connections: Annotated[
        int, Meta(ge=1, le=1_000, description="So many requests at once, of each process.")
    ] = 64
    timeout: Annotated[
        float,
        Meta(
            ge=1,
            le=300,
            description="Seconds from the connection to the whole answer; then nothing is known.",
        ),
    ] = 10.0
    private_targets: Annotated[
        bool, Meta(description="Whether it may be in a private network, or on this machine.")
    ] = False
    proxy: Annotated[Secret, Meta(description="An HTTP proxy, as in http://proxy.example.com:3128.")] = (
        Secret()
    )  # frozen
    ca_file: Annotated[str, Meta(description="Whom to believe instead of the usual authorities, as PEM.")] = (
        ""
    )


class HttpSenderSettings(HttpCarrierSettings, frozen=True, kw_only=True):
    """And those of every vendor that carries our codes."""

    public_url: Annotated[
        str,
        Meta(
            max_length=1_000,
            description="Where the carrier reaches this server, such as https://sms.example.com: receipts are asked "
            "for below it. Empty: no receipts are asked for.",
        ),
    ] = ""
    receipt_token: Annotated[
        Secret,
        Meta(
            description=f"What stands at the end of the address for receipts, {SHORTEST_TOKEN} characters or more that "
            "nobody guesses: `openssl rand -hex 20` makes one. A vendor that signs its receipts needs none."
        ),
    ] = Secret()


class NotAuthentic(Exception):
    """A request to the webhook that anybody may have sent: it is answered 403, and nothing of it is believed."""


class NotAReceipt(Exception):
    """An authentic request that nobody can read: it is answered 400."""


class VendorApi(Protocol):
    """One carrier's way to speak with its vendor. Whatever a vendor sends, `outcome_of` raises nothing, and
    `receipts_of` nothing but what it says.
    """

    acknowledgement: Response
    """The answer to a request to the webhook whose receipts are durable."""

    def name_of(self, outgoing: Outgoing) -> str:
        """The name that receipts of this attempt come with, where we give it, so that a receipt ends an attempt whose
        answer was lost; "" where only the vendor's answer has it.
        """

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        """The request that hands over an SMS at `now` (Unix ms); or how it ends, where it cannot be handed over."""

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        """What the answer to that request means. TEMPORARY and PERMANENT say that the vendor certainly did not take
        it; where that is not certain it is UNKNOWN. `references` must be those that receipts will come with.
        """

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        """What a request to the webhook reports, once its signature was checked, with `hmac.compare_digest`; empty for
        what is no receipt but needs none either. A token in the path was checked before. Raises NotAuthentic and
        NotAReceipt.
        """


def _no_problem(document: doc.Carrier) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class Vendor:
    """One type of HTTP carrier."""

    settings: type[HttpSenderSettings]
    api: Callable[[str, Any, str], VendorApi]
    """Makes it of the carrier's name, its settings, and the URL at which it takes receipts, "" where it takes none."""
    problems: Callable[[doc.Carrier], Iterator[Problem]] = _no_problem
    """What is wrong with a document whose settings fit, besides what the sender says of all."""
    signs_receipts: bool = False
    """Whether its receipts are signed: then they need no token in the path, though they may have one."""
    needs: Callable[[Any], Iterable[Need]] = lambda settings: ()
    """What every message must have registered under these settings."""
    is_idempotent: Callable[[Any], bool] = lambda settings: False
    """Whether the vendor takes the same attempt once only, though it be handed over twice."""


def url_problems(setting: str, url: str, *, private_targets: bool = True) -> Iterator[Problem]:
    """What is wrong with a URL that a setting has."""
    try:
        target = parse_callback_url(url)
    except BadCallbackUrl as error:
        yield Problem(f"settings.{setting}", f"it {error}")
        return
    if not private_targets and (problem := local_problem(target, "private_targets")):
        yield Problem(f"settings.{setting}", f"it {problem}")


def own_name(outgoing: Outgoing) -> str:
    """Our name for an attempt, which no other has: letters, digits and a dash, 30 characters at most."""
    return f"{outgoing.message:x}-{outgoing.attempt}"


def ended_by_status(answer: HttpAnswer) -> Outcome:
    """What a status means where the vendor says nothing of its own. Of most statuses from 500 on it is not certain that
    the message was not taken: a proxy between us says 502 and 504 for a request that arrived.
    """
    status, said = answer.status, f"HTTP {answer.status}"
    if 200 <= status < 300:
        return Outcome(kind=OutcomeKind.SUBMITTED, detail=said)
    if status == 429:
        return Outcome(kind=OutcomeKind.TEMPORARY, ending=Ending.OUR_LIMIT, detail=said)
    if status in (401, 402, 403, 404, 405, 407, 503):
        # It is about the account, the address or the service, not about this message: another carrier may take it.
        return Outcome(kind=OutcomeKind.TEMPORARY, ending=Ending.CARRIER_DOWN, detail=said)
    if 400 <= status < 500 and status not in (408, 409):
        return Outcome(kind=OutcomeKind.PERMANENT, reason="refused by the carrier", detail=said)
    return Outcome(kind=OutcomeKind.UNKNOWN, reason="no clear answer", detail=said)
