"""CAMARA one-time-password-sms 1.1.1, which mobile operators offer
(https://github.com/camaraproject/OTPValidation, r3.2).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from onema.channels.http_sender.contract import url_problems
from onema.channels.http_sender.meanings import (
    ACCOUNT,
    BAD_REQUEST,
    NO_ROUTE,
    SPAM,
    TOO_FAST,
    Meaning,
    members_of,
    text_in,
)
from onema.channels.http_verifier.answers import TOO_OFTEN, not_taken, taken
from onema.channels.http_verifier.contract import HttpVerifierSettings, Service
from onema.channels.http_verifier.logins import TokenLogin
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Outcome
from onema.domain.records import Channel
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.secret import Secret

CODE_PLACE = "{{code}}"
LONGEST_TEXT, LONGEST_ID = 160, 36
_OWN = "ONE_TIME_PASSWORD_SMS."
_JSON = ((b"content-type", b"application/json"), (b"accept", b"application/json"))


class Settings(HttpVerifierSettings, frozen=True, kw_only=True):
    base_url: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where the operator serves it, up to the version: https://api.example.com/"
            "one-time-password-sms/v1.",
        ),
    ]
    token_url: Annotated[
        str,
        Meta(
            min_length=1, description="Where it gives access tokens to clients (OAuth 2 client credentials)."
        ),
    ]
    client_id: Annotated[str, Meta(min_length=1, description="Who we are there.")]
    client_secret: Annotated[Secret, Meta(description="The secret of the client.")]
    scope: Annotated[str, Meta(description="What a token is asked for; empty: nothing is said.")] = (
        "one-time-password-sms:send-validate"
    )
    text: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=LONGEST_TEXT,
            description=f"What it sends, with `{CODE_PLACE}` in it, as it may have to be registered there.",
        ),
    ]


REFUSALS: Mapping[str, Meaning] = {
    "INVALID_ARGUMENT": BAD_REQUEST,
    "OUT_OF_RANGE": BAD_REQUEST,
    "UNAUTHENTICATED": ACCOUNT,
    "PERMISSION_DENIED": ACCOUNT,
    f"{_OWN}MAX_OTP_CODES_EXCEEDED": TOO_OFTEN,
    f"{_OWN}PHONE_NUMBER_NOT_ALLOWED": NO_ROUTE,
    f"{_OWN}PHONE_NUMBER_BLOCKED": SPAM,
    "NOT_FOUND": NO_ROUTE,
    "QUOTA_EXCEEDED": TOO_FAST,
    "TOO_MANY_REQUESTS": TOO_FAST,
    "UNAVAILABLE": ACCOUNT,
}
"""By the `code` of an answer that refuses to send."""

CHECKS: Mapping[str, Verdict] = {
    f"{_OWN}INVALID_OTP": Verdict.WRONG,
    f"{_OWN}VERIFICATION_EXPIRED": Verdict.EXPIRED,
    f"{_OWN}VERIFICATION_FAILED": Verdict.EXHAUSTED,
    "NOT_FOUND": Verdict.EXPIRED,
}
"""By the `code` of an answer to a check; a right one has none, and status 204."""


class CamaraApi:
    """A newer code of the phone's ends the older one there, and nothing else can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.base_url.rstrip("/")
        self.login = TokenLogin(
            settings.token_url, settings.client_id, settings.client_secret.reveal(), settings.scope
        )

    def start(self, asked: AskedCode, now: int) -> HttpRequest | Outcome:
        if asked.channel is not Channel.SMS:
            return BAD_REQUEST.outcome("SMS only")
        told = {"phoneNumber": asked.phone, "message": self._settings.text}
        return self._post("send-code", told, f"{asked.message:x}-{asked.attempt}")

    def started(self, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        identifier = text_in(members, "authenticationId")
        if answer.status == 200 and identifier:
            return taken(identifier, len(identifier) <= LONGEST_ID)
        code = text_in(members, "code")
        return not_taken(answer, REFUSALS.get(code), code, members.get("message"))

    def clearing(self, asked: AskedCode, refusal: HttpAnswer | None) -> HttpRequest | None:
        return None

    def look_up(self, asked: AskedCode) -> HttpRequest | None:
        return None

    def check(self, reference: str, typed: str) -> HttpRequest | Verdict:
        return self._post("validate-code", {"authenticationId": reference, "code": typed})

    def checked(self, answer: HttpAnswer) -> Verdict:
        if answer.status == 204:
            return Verdict.RIGHT
        return CHECKS.get(text_in(members_of(answer), "code"), Verdict.NO_ANSWER)

    def cancel(self, reference: str) -> HttpRequest | None:
        return None

    def _post(self, operation: str, members: Mapping[str, str], correlator: str = "") -> HttpRequest:
        # By it the operator finds our request in its own log.
        named = ((b"x-correlator", correlator.encode()),) if correlator else ()
        return HttpRequest("POST", f"{self._url}/{operation}", (*_JSON, *named), msgspec.json.encode(members))


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    for name, url in (("base_url", settings.base_url), ("token_url", settings.token_url)):
        yield from url_problems(name, url, private_targets=settings.private_targets)
    if not settings.client_secret:
        yield Problem("settings.client_secret", "it is missing")
    if CODE_PLACE not in settings.text:
        yield Problem("settings.text", f"it must have {CODE_PLACE} where the code goes")


SERVICE = Service(Settings, CamaraApi, problems_of, frozenset({Channel.SMS}))
