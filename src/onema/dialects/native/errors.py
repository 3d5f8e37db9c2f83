"""Our refusals as problem details (RFC 9457): one table, whose types docs/api.md lists."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from onema.domain.guard.proof_of_work import Challenge
from onema.domain.refusals import Refusal
from onema.http.messages import Headers, Response

PROBLEM = b"application/problem+json"
_TYPE = "urn:onema:problem:"
_ASKS_FOR_A_LOGIN: Headers = ((b"www-authenticate", b'Basic realm="onema", charset="UTF-8"'),)


class ProblemType(msgspec.Struct, frozen=True):
    """`name` ends the type's URI; `title` is the same for all of its problems."""

    status: int
    name: str
    title: str

    def response(
        self,
        detail: str = "",
        pointer: str = "",
        incident: str = "",
        wait_ms: int = 0,
        errors: Sequence[Mapping[str, str]] = (),
        challenge: Challenge | None = None,
    ) -> Response:
        """`pointer` is the member of the request that it is about (RFC 6901); after `wait_ms` it may be asked for
        again, or once the `challenge` is solved.
        """
        told: dict[str, Any] = {"type": f"{_TYPE}{self.name}", "title": self.title, "status": self.status}
        told |= {"detail": detail} if detail else {}
        told |= {"pointer": pointer} if pointer else {}
        told |= {"incident": incident} if incident else {}
        told |= {"errors": errors} if errors else {}
        told |= {"challenge": challenge} if challenge else {}
        headers: Headers = _ASKS_FOR_A_LOGIN if self.status == 401 else ()
        if wait_ms > 0:
            headers = (*headers, (b"retry-after", str(math.ceil(wait_ms / 1000)).encode()))
        return Response(self.status, msgspec.json.encode(told), PROBLEM, headers, outcome=self.name)


def _of(status: int, refusal: Refusal, title: str) -> ProblemType:
    return ProblemType(status, refusal.value, title)


REFUSALS: dict[Refusal, ProblemType] = {
    one: _of(status, one, title)
    for one, status, title in (
        (Refusal.CREDENTIAL_UNKNOWN, 401, "The key or the secret is wrong"),
        (Refusal.ACCOUNT_SUSPENDED, 403, "The account is not active"),
        (Refusal.IP_NOT_ALLOWED, 403, "The account may not be used from this address"),
        (Refusal.APPLICATION_UNKNOWN, 404, "There is no such application"),
        (Refusal.APPLICATION_INACTIVE, 403, "The application is not active"),
        (Refusal.WRONG_ENVIRONMENT, 403, "The application belongs to another environment"),
        (Refusal.FEATURE_OFF, 403, "This is switched off"),
        (Refusal.SENTENCE_MISSING, 422, "The application has no sentence to speak"),
        (Refusal.PHONE_INVALID, 422, "This is no phone number"),
        (Refusal.COUNTRY_NOT_ALLOWED, 403, "The account may not send to this country"),
        (Refusal.DESTINATION_NOT_ALLOWED, 403, "The account may not send to this type of number"),
        (Refusal.PHONE_BLOCKED, 403, "This number is blocked"),
        (Refusal.BRANDNAME_UNKNOWN, 422, "The account has no such brandname"),
        (Refusal.TEMPLATE_MISMATCH, 422, "No template of the brandname fits the text"),
        (Refusal.TEXT_NOT_SENDABLE, 422, "The text cannot be sent"),
        (Refusal.CODE_INVALID, 422, "This is no code"),
        (Refusal.VOICE_UNKNOWN, 422, "There is no such voice"),
        (Refusal.POOL_UNKNOWN, 422, "There is no such hotline pool"),
        (Refusal.POOL_INACTIVE, 403, "The hotline pool is not active"),
        (Refusal.HOTLINE_UNAVAILABLE, 503, "No hotline is free"),
        (Refusal.RATE_LIMITED, 429, "Too many requests"),
        (Refusal.ABUSE_SUSPECTED, 403, "The request looks like abuse"),
        (Refusal.CHALLENGE_REQUIRED, 403, "A challenge must be solved first"),
        (Refusal.PRICE_MISSING, 422, "The account has no price for this number"),
        (Refusal.WALLET_EXPIRED, 402, "The wallet has expired"),
        (Refusal.BALANCE_TOO_LOW, 402, "The wallet does not cover the price"),
        (Refusal.NOT_REGISTERED, 422, "Something that carriers ask for is not registered"),
        (Refusal.DUPLICATE, 409, "The request was made before"),
        (Refusal.CONFLICT, 409, "The configuration has changed"),
        (Refusal.STORE_UNAVAILABLE, 503, "Try again later"),
        (Refusal.CARRIER_UNAVAILABLE, 503, "Try again later"),
    )
}

INVALID = ProblemType(400, "invalid_request", "The request does not fit")
KEY_REUSED = ProblemType(
    422, "idempotency_key_reused", "This Idempotency-Key named another request"
).response()
NO_VERIFICATION = ProblemType(404, "verification_unknown", "The account has no such verification").response()
OVER = ProblemType(409, "verification_over", "The code is not waited for any more").response()
NO_NEXT_CHANNEL = ProblemType(422, "no_next_channel", "The plan has no further channel").response()
NOT_SENT_AGAIN = ProblemType(
    422, "not_sent_again", "The code was not sent in a way that can be repeated"
).response()
EXISTS = ProblemType(409, "exists", "There is another one of this name").response()
SCOPE_MISSING = ProblemType(403, "scope_missing", "The key has no scope for this")
UNFIT = ProblemType(422, "unfit", "This cannot be configured")
NOTHING = ProblemType(404, "unknown", "The account has nothing of this name").response()
NOT_FOUND = ProblemType(404, "not_found", "There is no such path").response()
METHOD = ProblemType(405, "method_not_allowed", "The path takes another method")
OVERSIZED = ProblemType(413, "oversized", "The body is too large").response()
FAULT = ProblemType(500, "fault", "Something went wrong here")


NO_COUNTRY = REFUSALS[Refusal.COUNTRY_NOT_ALLOWED].response(
    "the account has neither a country nor countries that it may send to"
)


class Invalid(Exception):
    """A member of the request does not fit; the text names it and never its value."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


def method_not_allowed(allowed: bytes) -> Response:
    response = METHOD.response()
    return msgspec.structs.replace(response, headers=((b"allow", allowed),))


class ScopeMissing(Exception):
    """The key may not do this; one with the `scope` may. `what` is what that is: a scope, or a role."""

    def __init__(self, scope: str, what: str = "scope") -> None:
        super().__init__(f"it takes the {what} {scope}")


class Unfit(Exception):
    """Documents that do not hold together: (pointer, sentence) of all that is wrong."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.errors = errors

    def response(self) -> Response:
        pointer, sentence = self.errors[0] if self.errors else ("", "")
        errors = [{"pointer": at, "detail": said} for at, said in self.errors]
        return UNFIT.response(sentence, pointer, errors=errors)
