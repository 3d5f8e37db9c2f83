"""Whether a person has solved what the guard asks for, found out before the message is decided."""

import asyncio
import logging
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView
from onema.domain.guard import proof_of_work
from onema.domain.guard.proof_of_work import Challenge
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway
from onema.http.client.contract import HttpClient, HttpRequest, MayHaveLeft, NotSent

log = logging.getLogger(__name__)

_FORM = ((b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json"))


class _Verdict(msgspec.Struct, frozen=True):
    success: bool = False


class Solution(msgspec.Struct, frozen=True):
    """`name` is that of a challenge of ours, which is good once; "" for one that somebody else has looked at."""

    name: str = ""


class Challenges(Protocol):
    """Makes challenges and looks at solutions."""

    def challenge(self, account: AccountView, application: str, phone: Phone) -> Challenge | None:
        """A new one for a message to this phone; None where a captcha of the operator's takes its place."""

    async def solution(
        self, account: AccountView, application: str, phone: Phone, response: str, person_ip: str
    ) -> Solution | None:
        """What `response` solves; None where that is nothing, or nobody could tell."""


class GuardChallenges:
    """Of the guards' documents: proof of work, or a captcha that its service verifies.

    reCAPTCHA, hCaptcha and Turnstile have the same protocol: a form of `secret`, `response` and `remoteip`, and JSON
    with `success` (https://docs.hcaptcha.com/#verify-the-user-response-server-side, seen 2026-11).
    """

    def __init__(self, gateway: Gateway, client: HttpClient) -> None:
        self._gateway = gateway
        self._client = client

    def challenge(self, account: AccountView, application: str, phone: Phone) -> Challenge | None:
        guard = self._gateway.directory.guards.of(account.name, application)
        if guard.document.captcha_url:
            return None
        gateway = self._gateway
        entropy = gateway.token(proof_of_work.ENTROPY_BYTES)
        key = self._keys(account, application, phone)[0]
        return proof_of_work.challenge(key, entropy, gateway.now(), guard.document.challenge_cost)

    async def solution(
        self, account: AccountView, application: str, phone: Phone, response: str, person_ip: str
    ) -> Solution | None:
        guard = self._gateway.directory.guards.of(account.name, application)
        if not guard.challenges:
            return None
        if guard.document.captcha_url:
            return Solution() if await self._verified(guard.document, response, person_ip) else None
        for key in self._keys(account, application, phone):
            # Some milliseconds of hashing, which keep the loop from nobody else.
            name = await asyncio.to_thread(proof_of_work.solved, key, response, self._gateway.now())
            if name:
                return Solution(name)
        return None

    def _keys(self, account: AccountView, application: str, phone: Phone) -> tuple[bytes, ...]:
        return self._gateway.challenge_keys(f"{account.id} {application} {phone}")

    async def _verified(self, guard: doc.Guard, response: str, person_ip: str) -> bool:
        form = {"secret": guard.captcha_secret, "response": response}
        form |= {"remoteip": person_ip} if person_ip else {}
        try:
            answer = await self._client.exchange(
                HttpRequest("POST", guard.captcha_url, _FORM, urlencode(form).encode())
            )
            return answer.status == 200 and msgspec.json.decode(answer.body, type=_Verdict).success
        except (NotSent, MayHaveLeft) as error:
            why = str(error)
        except msgspec.MsgspecError:
            why = "its answer is no verdict"
        log.warning("the captcha service told nothing", extra={"action": "captcha", "detail": why})
        return False
