"""Twilio Verify v2 (https://www.twilio.com/docs/verify/api, seen 2026-11), or whoever speaks it.

Codes: https://www.twilio.com/docs/verify/api/error-codes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated
from urllib.parse import quote, urlencode

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
from onema.channels.http_verifier.answers import LANDLINE, TOO_OFTEN, not_taken, taken
from onema.channels.http_verifier.contract import HttpVerifierSettings, Service
from onema.channels.http_verifier.logins import BasicLogin
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Outcome
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.secret import Secret

_SID = re.compile(r"VE[0-9a-f]{32}")
_FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)


class Settings(HttpVerifierSettings, frozen=True, kw_only=True):
    account_sid: Annotated[str, Meta(min_length=1, description="The account: AC and 32 hex digits.")]
    service_sid: Annotated[
        str,
        Meta(
            min_length=1,
            description="The Verify service: VA and 32 hex digits. Its code length is `code_length`.",
        ),
    ]
    auth_token: Annotated[Secret, Meta(description="Authorizes requests, unless there is an API key.")] = (
        Secret()
    )  # frozen
    api_key: Annotated[str, Meta(description="An API key (SK...), instead of the auth token.")] = ""
    api_secret: Annotated[Secret, Meta(description="The secret of the API key.")] = Secret()  # frozen
    locale: Annotated[
        str, Meta(description="The language that it sends in, such as vi; empty: its choice.")
    ] = ""
    template_sid: Annotated[
        str, Meta(description="The template (HJ...) of its SMS; empty: the service's.")
    ] = ""
    base_url: Annotated[
        str, Meta(description="Another edge or region of Twilio's, or whoever else speaks this API.")
    ] = "https://verify.twilio.com"


REFUSALS: Mapping[str, Meaning] = {
    "20003": ACCOUNT,
    "20005": ACCOUNT,
    "20006": ACCOUNT,
    "20404": ACCOUNT,
    "20429": TOO_FAST,
    "20503": ACCOUNT,
    "60200": BAD_REQUEST,
    "60201": ACCOUNT,
    "60203": TOO_OFTEN,
    "60204": ACCOUNT,
    "60205": LANDLINE,
    "60207": ACCOUNT,
    "60212": TOO_FAST,
    "60217": ACCOUNT,
    "60220": NO_ROUTE,
    "60223": NO_ROUTE,
    "60410": SPAM,
    "60413": SPAM,
    "60605": NO_ROUTE,
}
"""By the `code` of an answer that refuses to start a verification."""

CHECKS: Mapping[str, Verdict] = {
    "approved": Verdict.RIGHT,
    "pending": Verdict.WRONG,
    "canceled": Verdict.EXPIRED,
    "expired": Verdict.EXPIRED,
    "deleted": Verdict.EXPIRED,
    "failed": Verdict.EXPIRED,
    "max_attempts_reached": Verdict.EXHAUSTED,
    "20404": Verdict.EXPIRED,
    "60202": Verdict.EXHAUSTED,
}
"""By the `status` of a check, or the `code` of an answer that refuses one."""


class TwilioVerifyApi:
    """A verification that is pending is ended before another begins: the service would send its code once more, under
    the same SID.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        user = settings.api_key or settings.account_sid
        password = settings.api_secret if settings.api_key else settings.auth_token
        self.login = BasicLogin(user, password.reveal())
        service = quote(settings.service_sid, safe="")
        self._service = f"{settings.base_url.rstrip('/')}/v2/Services/{service}"

    def start(self, asked: AskedCode, now: int) -> HttpRequest | Outcome:
        form = {"To": asked.phone, "Channel": str(asked.channel)}
        if self._settings.locale:
            form["Locale"] = self._settings.locale
        if self._settings.template_sid:
            form["TemplateSid"] = self._settings.template_sid
        return self._post("Verifications", form)

    def started(self, answer: HttpAnswer) -> Outcome:
        members = members_of(answer)
        sid = text_in(members, "sid")
        if answer.status in (200, 201) and sid:
            return taken(sid, bool(_SID.fullmatch(sid)), sid)
        code = text_in(members, "code")
        return not_taken(answer, REFUSALS.get(code), code, members.get("message"))

    def clearing(self, asked: AskedCode, refusal: HttpAnswer | None) -> HttpRequest | None:
        return None if refusal is not None else self._end(asked.phone)

    def look_up(self, asked: AskedCode) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._service}/Verifications/{quote(asked.phone, safe='')}")

    def check(self, reference: str, typed: str) -> HttpRequest | Verdict:
        if not _SID.fullmatch(reference):
            return Verdict.EXPIRED
        return self._post("VerificationCheck", {"VerificationSid": reference, "Code": typed})

    def checked(self, answer: HttpAnswer) -> Verdict:
        members = members_of(answer)
        said = text_in(members, "status" if answer.status in (200, 201) else "code")
        return CHECKS.get(said, Verdict.NO_ANSWER)

    def cancel(self, reference: str) -> HttpRequest | None:
        return self._end(reference) if _SID.fullmatch(reference) else None

    def _end(self, named: str) -> HttpRequest:
        """Of a SID, or of a phone's verification whatever its SID."""
        return self._post(f"Verifications/{quote(named, safe='')}", {"Status": "canceled"})

    def _post(self, path: str, form: Mapping[str, str]) -> HttpRequest:
        return HttpRequest("POST", f"{self._service}/{path}", _FORM, urlencode(form).encode())


def problems_of(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    yield from url_problems("base_url", settings.base_url, private_targets=settings.private_targets)
    if settings.api_key and not settings.api_secret:
        yield Problem("settings.api_secret", "it is missing: the API key has one")
    if not settings.api_key and not settings.auth_token:
        yield Problem("settings.auth_token", "it is missing, and so is an API key")


SERVICE = Service(Settings, TwilioVerifyApi, problems_of)
