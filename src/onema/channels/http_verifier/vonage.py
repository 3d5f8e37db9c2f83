"""Vonage Verify v2 (https://developer.vonage.com/en/api/verify.v2, seen 2026-11).

Types of errors: https://developer.vonage.com/en/api-errors/verify-v2.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from onema.channels.http_sender.contract import url_problems
from onema.channels.http_sender.meanings import (
    ACCOUNT,
    BAD_REQUEST,
    TOO_FAST,
    Meaning,
    members_of,
    text_in,
)
from onema.channels.http_verifier.answers import TOO_OFTEN, not_taken, taken
from onema.channels.http_verifier.contract import HttpVerifierSettings, Service
from onema.channels.http_verifier.logins import BasicLogin, SignedLogin
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Outcome
from onema.domain.records import Channel
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.secret import Secret

SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 60, 900
"""Seconds that a code may be waited for; some accounts may have no less than 60."""
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JSON = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
_CHANNELS = {Channel.SMS: "sms", Channel.CALL: "voice"}


class Settings(HttpVerifierSettings, frozen=True, kw_only=True):
    brand: Annotated[
        str, Meta(min_length=1, max_length=16, description="Who sends the code, as its text says.")
    ]
    application_id: Annotated[
        str, Meta(description="The application whose key signs requests; without it the API key is used.")
    ] = ""
    private_key: Annotated[Secret, Meta(description="The application's RSA private key, as PEM.")] = (
        Secret()
    )  # frozen
    api_key: Annotated[str, Meta(description="The account's API key, where there is no application.")] = ""
    api_secret: Annotated[Secret, Meta(description="The secret of the API key.")] = Secret()  # frozen
    sender: Annotated[
        str, Meta(description="What the SMS comes from, a number without plus or a name; empty: its choice.")
    ] = ""
    locale: Annotated[
        str, Meta(description="The language that it sends in, such as en-gb; empty: en-us.")
    ] = ""
    base_url: Annotated[str, Meta(description="Another host of Vonage's, or what stands before it.")] = (
        "https://api.nexmo.com"
    )


REFUSALS: Mapping[str, Meaning] = {
    "401": ACCOUNT,
    "402": ACCOUNT,
    "403": ACCOUNT,
    "409": TOO_OFTEN,
    "422": BAD_REQUEST,
    "429": TOO_FAST,
}
"""By the status of an answer that refuses to start a verification."""

CHECKS: Mapping[str, Verdict] = {
    "200": Verdict.RIGHT,
    "400": Verdict.WRONG,
    "404": Verdict.EXPIRED,
    "410": Verdict.EXHAUSTED,
}
"""By the status of an answer to a check. A 400 must speak of the code; what is 409 cannot be checked now."""


class VonageVerifyApi:
    """A number has one verification at a time: an older one is cancelled, and the start repeated."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = f"{settings.base_url.rstrip('/')}/v2/verify"
        self.login: BasicLogin | SignedLogin = (
            SignedLogin(settings.application_id, settings.private_key.reveal())
            if settings.application_id
            else BasicLogin(settings.api_key, settings.api_secret.reveal())
        )

    def start(self, asked: AskedCode, now: int) -> HttpRequest | Outcome:
        settings = self._settings
        step = {"channel": _CHANNELS[asked.channel], "to": asked.phone.removeprefix("+")}
        if settings.sender and asked.channel is Channel.SMS:
            step["from"] = settings.sender
        left = max(SHORTEST_TIMEOUT, min(LONGEST_TIMEOUT, (asked.valid_until - now) // 1000))
        told: dict[str, object] = {
            "brand": settings.brand,
            "workflow": [step],
            "code_length": settings.code_length,
            "channel_timeout": left,
        }
        if settings.locale:
            told["locale"] = settings.locale
        return HttpRequest("POST", self._url, _JSON, msgspec.json.encode(told))

    def started(self, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        identifier = text_in(members, "request_id")
        if answer.status in (200, 202) and identifier:
            return taken(identifier, bool(_REQUEST_ID.fullmatch(identifier)), identifier)
        meaning = REFUSALS.get(str(answer.status))
        return not_taken(answer, meaning, members.get("title"), members.get("detail"))

    def clearing(self, asked: AskedCode, refusal: HttpAnswer | None) -> HttpRequest | None:
        if refusal is None or refusal.status != 409:
            return None
        return self.cancel(text_in(members_of(refusal), "request_id"))

    def look_up(self, asked: AskedCode) -> HttpRequest | None:
        return None

    def check(self, reference: str, typed: str) -> HttpRequest | Verdict:
        if not _REQUEST_ID.fullmatch(reference):
            return Verdict.EXPIRED
        return HttpRequest("POST", f"{self._url}/{reference}", _JSON, msgspec.json.encode({"code": typed}))

    def checked(self, answer: HttpAnswer) -> Verdict:
        members = members_of(answer)
        if answer.status == 200 and text_in(members, "status") != "completed":
            return Verdict.NO_ANSWER
        if answer.status == 400 and "code" not in text_in(members, "title").lower():
            return Verdict.NO_ANSWER
        return CHECKS.get(str(answer.status), Verdict.NO_ANSWER)

    def cancel(self, reference: str) -> HttpRequest | None:
        if not _REQUEST_ID.fullmatch(reference):
            return None
        return HttpRequest("DELETE", f"{self._url}/{reference}")


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    if settings.application_id:
        try:
            SignedLogin(settings.application_id, settings.private_key.reveal())
        except ValueError as error:
            yield Problem("settings.private_key", str(error))
    elif not settings.api_key or not settings.api_secret:
        yield Problem("settings.api_secret", "it is missing: there must be an application or an API key")


SERVICE = Service(Settings, VonageVerifyApi, problems_of)
