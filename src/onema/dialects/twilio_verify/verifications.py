"""Codes: sent, sent again, looked at, checked, cancelled, approved. https://www.twilio.com/docs/verify/api/verification

A verification lives ten minutes. While it can be checked, starting another for the same phone sends its code again,
under the same SID.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from onema.dialects.twilio_verify.auth import DIALECT, account_sid
from onema.dialects.twilio_verify.errors import (
    CHANNEL_DISABLED,
    HIGH_RISK_DEVICE,
    INVALID_PARAMETER,
    MAX_CHECKS,
    MAX_SENDS,
    NO_TARGET,
    NOT_SUPPORTED,
    TOO_MANY_REQUESTS,
    Failed,
    not_found,
)
from onema.dialects.twilio_verify.rate_limits import SCOPE, counted
from onema.dialects.twilio_verify.sids import ATTEMPT, VERIFICATION, id_in, service_sid, sid_of
from onema.dialects.twilio_verify.templates import text_of
from onema.dialects.twilio_verify.wire import Form, answer, base_url, seconds
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_application
from onema.domain.codes.approve_code import ApproveCode
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.channel_plan import NEXT_CHANNEL, SENT_AGAIN, HowToSend, Step
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_more import NewMessage
from onema.domain.codes.start_verification import PLAN_ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import DIGITS, MAX_LENGTH, MIN_LENGTH
from onema.domain.configuration.directory import ApplicationView, CredentialView
from onema.domain.ids import MessageId, time_of_id
from onema.domain.records import Channel, LiveVerification, Message
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone, parse_phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response
from onema.storage.contract import Story

ALIVE_MS = 600_000
MOST_SENDS = 5
"""Messages of one verification."""
TIMES = 2
"""How often a call says its code: who misses a digit has no other way to hear it again."""
_VOICE = "vi-north"
_VOICES = {"vi": "vi-north", "zh": "zh", "en": "en"}
"""A call's voice for a language, where the application names none of that language."""
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_CODE = re.compile(rf"[0-9A-Za-z]{{{MIN_LENGTH},{MAX_LENGTH}}}")
_OTHER_CHANNELS = frozenset(
    ("email", "whatsapp", "sna", "rcs", "rbm", "auto", "push", "totp", "passkeys", "ts43")
)
# What would change what is sent, and is not here.
_UNSUPPORTED = {
    "CustomFriendlyName": "",
    "CustomMessage": "",
    "SendDigits": "",
    "Amount": "",
    "Payee": "",
    "AppHash": "",
    "ChannelConfiguration": "{}",
    "EnableSnaClientToken": "false",
}
_UNSUPPORTED_CHECKS = {"Amount": "", "Payee": "", "SnaClientToken": ""}


class Verifications:
    """`checks` decides checks, also those of codes that a carrier made. Each operation raises Failed and Refused."""

    def __init__(
        self, gateway: Gateway, reads: CustomerReads, checks: Callable[[CheckCode], Awaitable[Check]]
    ) -> None:
        self._gateway = gateway
        self._reads = reads
        self._checks = checks

    async def create(
        self, caller: CredentialView, service: ApplicationView, request: Request, asking: Asking
    ) -> Response:
        form = Form(request.body)
        asking.application, asking.phone = service.name, form.text("To")
        phone, channel = _phone(form.required("To"), caller.account.country), _channel(form)
        form.refuse_unless(_UNSUPPORTED, NOT_SUPPORTED)
        if form.text("Risk.TelemetryId"):
            raise Failed(HIGH_RISK_DEVICE, "there is no Device Intelligence here")
        form.json("Tags")
        admit_application(service, request.client_ip, calls=channel is Channel.CALL)
        code, how = self._code(caller, service, form, request, channel)
        gateway = self._gateway
        new = NewMessage(
            account=caller.account.id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(PLAN_ENTROPY_BYTES),
            phone=phone,
        )
        try:
            command = new.by(channel, how, code)
            limits = counted(service, form)
            sent: Accepted = await gateway.execute(msgspec.structs.replace(command, counted=limits))
        except Refused as refused:
            if refused.refusal is Refusal.RATE_LIMITED and refused.detail.startswith(f"{SCOPE} "):
                raise Failed(TOO_MANY_REQUESTS, refused=refused) from refused
            if refused.refusal is Refusal.RATE_LIMITED:
                raise Failed(MAX_SENDS, refused=refused) from refused
            raise
        if sent.refusal is not None:
            raise Refused(sent.refusal)
        story = await self._story(caller, MessageId(sent.verification))
        return answer(self._told(caller, service, request, story, "pending"), 201)

    def _code(
        self,
        caller: CredentialView,
        service: ApplicationView,
        form: Form,
        request: Request,
        channel: Channel,
    ) -> tuple[NewCode, HowToSend]:
        """The code that is asked for, which goes on where one is pending, and how this message of it is sent."""
        account, document = caller.account, service.document
        own = form.text("CustomCode")
        if own and not document.own_codes:
            raise Failed(NOT_SUPPORTED, "CustomCode")
        if own and not _CODE.fullmatch(own):
            raise Failed(INVALID_PARAMETER, "CustomCode")
        template = text_of(account, service, form) if channel is Channel.SMS else None
        person = _person(form)
        how = HowToSend(
            steps=(Step(channel),),
            dialect=DIALECT,
            home_country=account.country,
            client_ip=person or request.client_ip,
            application=service.name,
            reference="",
            category=purpose_of(service),
            brandname=template.brandname if template else "",
            text=template.text if template else "",
            voice="" if template else _voice(service, form),
            times=TIMES,
            person_ip=person,
            person_country=self._gateway.country_of_address(person) if person else "",
        )
        code = NewCode(
            alphabet=DIGITS,
            length=len(own) or document.code_length,
            time_alive=ALIVE_MS,
            purpose=purpose_of(service),
            how=how,
            continues=MOST_SENDS,
            own=own,
        )
        return code, how

    async def fetch(
        self, caller: CredentialView, service: ApplicationView, request: Request, named: str
    ) -> Response:
        """`named` by its SID, or by the phone."""
        message, live = await self._current(caller, service, request, named)
        status = "pending" if live.attempts_left else "max_attempts_reached"
        story = await self._story(caller, message.id)
        return answer(self._told(caller, service, request, story, status))

    async def update(
        self, caller: CredentialView, service: ApplicationView, request: Request, named: str
    ) -> Response:
        """What is not pending any more is not found: the vendor forgets it as well."""
        status = Form(request.body).required("Status").lower()
        if status not in ("canceled", "approved"):
            raise Failed(INVALID_PARAMETER, "Status is canceled or approved")
        message, live = await self._current(caller, service, request, named)
        command = (CancelCode if status == "canceled" else ApproveCode)(
            account=caller.account.id,
            id=self._gateway.next_id(),
            now=self._gateway.now(),
            phone=live.phone,
            purpose=live.purpose,
            verification=live.verification,
        )
        if not await self._gateway.execute(command):
            raise Failed(not_found(request.path))
        story = await self._story(caller, message.id)
        return answer(self._told(caller, service, request, story, status))

    async def check(
        self, caller: CredentialView, service: ApplicationView, request: Request, asking: Asking
    ) -> Response:
        form = Form(request.body)
        form.refuse_unless(_UNSUPPORTED_CHECKS, NOT_SUPPORTED)
        named = form.text("VerificationSid") or form.text("To")
        asking.application, asking.phone = service.name, form.text("To")
        if not named:
            raise Failed(NO_TARGET)
        code = form.required("Code")
        if not MIN_LENGTH <= len(code) <= MAX_LENGTH:
            raise Failed(INVALID_PARAMETER, f"Code has {MIN_LENGTH} to {MAX_LENGTH} characters")
        message, live = await self._current(caller, service, request, named)
        checked = await self._checks(
            CheckCode(
                account=caller.account.id,
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                phone=live.phone,
                code=code,
                purpose=live.purpose,
                verification=live.verification,
            )
        )
        match checked:
            case Check.EXHAUSTED:
                raise Failed(MAX_CHECKS)
            case Check.NOTHING_TO_CHECK:
                raise Failed(not_found(request.path))
        right = checked is Check.RIGHT
        told: dict[str, Any] = {
            "sid": sid_of(VERIFICATION, message.id),
            "service_sid": service_sid(caller.account, service),
            "account_sid": account_sid(self._gateway.directory, caller.account),
            "to": message.phone,
            "channel": message.channel,
            "status": "approved" if right else "pending",
            "valid": right,
            "amount": None,
            "payee": None,
            "sna_attempts_error_codes": [],
            "date_created": seconds(time_of_id(message.id)),
            "date_updated": seconds(self._gateway.now()),
        }
        return answer(told, outcome="ok" if right else checked.value)

    async def _current(
        self, caller: CredentialView, service: ApplicationView, request: Request, named: str
    ) -> tuple[Message, LiveVerification]:
        """The verification that a SID or a phone names, while it can be checked or has been tried too often."""
        account, purpose = caller.account, purpose_of(service)
        identifier = id_in(VERIFICATION, named)
        if identifier:
            found = await self._reads.message(account.id, MessageId(identifier))
            if found is None or found.category != purpose:
                raise Failed(not_found(request.path))
            phone = found.phone
        elif named.startswith(VERIFICATION):
            raise Failed(not_found(request.path))
        else:
            phone = _phone(named, account.country)
        live = await self._reads.code(account.id, phone, purpose)
        if live is None or self._gateway.now() >= live.expires_at or identifier not in (0, live.verification):
            raise Failed(not_found(request.path))
        message = await self._reads.message(account.id, MessageId(live.verification))
        if message is None:
            raise Failed(not_found(request.path))
        return message, live

    async def _story(self, caller: CredentialView, verification: MessageId) -> Story:
        story = await self._reads.story(caller.account.id, verification)
        if story is None:
            raise Refused(Refusal.STORE_UNAVAILABLE, "a verification that was there is gone")
        return story

    def _told(
        self, caller: CredentialView, service: ApplicationView, request: Request, story: Story, status: str
    ) -> Mapping[str, Any]:
        sent = attempts_of(story)
        newest, channel = sent[-1]
        service_of = service_sid(caller.account, service)
        sid = sid_of(VERIFICATION, story.message.id)
        return {
            "sid": sid,
            "service_sid": service_of,
            "account_sid": account_sid(self._gateway.directory, caller.account),
            "to": story.message.phone,
            "channel": channel,
            "status": status,
            "valid": status == "approved",
            "lookup": {"carrier": None},
            "amount": None,
            "payee": None,
            "send_code_attempts": [
                {
                    "time": seconds(time_of_id(one)),
                    "channel": via.upper(),
                    "attempt_sid": sid_of(ATTEMPT, one),
                }
                for one, via in sent
            ],
            "date_created": seconds(time_of_id(story.message.id)),
            "date_updated": seconds(
                time_of_id(newest) if status == "pending" else max(time_of_id(newest), self._gateway.now())
            ),
            "sna": None,
            "url": f"{base_url(request)}/v2/Services/{service_of}/Verifications/{sid}",
        }


def attempts_of(story: Story) -> list[tuple[int, str]]:
    """(message, channel) of each time that a code was sent, oldest first."""
    again = [
        (event.id, event.data.partition(" ")[0])
        for event in story.events
        if event.kind in (SENT_AGAIN, NEXT_CHANNEL)
    ]
    return [(story.message.id, story.message.channel), *again]


def purpose_of(service: ApplicationView) -> str:
    """Each service has codes of its own for a phone."""
    return f"service {service.name}"


def _phone(written: str, country: str) -> Phone:
    """Raises Failed. E.164 alone is taken; a plus that a client did not encode has become a space."""
    number = f"+{written[1:]}" if written.startswith(" ") else written
    if not _E164.fullmatch(number):
        raise Failed(INVALID_PARAMETER, "To")
    return parse_phone(number, country)


def _channel(form: Form) -> Channel:
    named = form.required("Channel").lower()
    if named in ("sms", "call"):
        return Channel(named)
    if named in _OTHER_CHANNELS:
        raise Failed(CHANNEL_DISABLED, named)
    raise Failed(INVALID_PARAMETER, "Channel")


def _person(form: Form) -> str:
    """The person's address; "" where the client does not tell it."""
    told = form.text("DeviceIp")
    try:
        return str(ipaddress.ip_address(told)) if told else ""
    except ValueError:
        raise Failed(INVALID_PARAMETER, "DeviceIp") from None


def _voice(service: ApplicationView, form: Form) -> str:
    """The application's, unless the request asks for a language that this one does not speak."""
    own, language = service.document.voice, form.text("Locale").lower().partition("-")[0]
    if own and (not language or own.partition("-")[0] == language):
        return own
    return _VOICES.get(language) or own or _VOICE
