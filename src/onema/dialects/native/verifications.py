"""Codes: sent, looked at, checked and cancelled. A code that came in through another dialect is one of these, too."""

import ipaddress
from collections.abc import Awaitable, Callable

import msgspec

from onema.administration.story import verification_state
from onema.dialects.native import wire
from onema.dialects.native.auth import DIALECT
from onema.dialects.native.errors import KEY_REUSED, NO_VERIFICATION, Invalid
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_application
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import DIGITS, LETTERS_AND_DIGITS
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.configuration.message_template import is_whole_with_a_code
from onema.domain.ids import MessageId
from onema.domain.records import Message
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import VerificationState
from onema.domain.values.phone import parse_phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response
from onema.storage.contract import Story

_ALPHABETS = {"digits": DIGITS, "letters_and_digits": LETTERS_AND_DIGITS}
_TIMES = 2
"""How often a call says its code: who misses a digit has no other way to hear it again."""
_VOICE = "vi-north"


class Unknown(Exception):
    """The account has no such verification."""

    response = NO_VERIFICATION


class Verifications:
    """`checks` decides checks, also those of codes that a carrier made. Each operation raises Refused; and Invalid or
    Unknown.
    """

    def __init__(
        self, gateway: Gateway, reads: CustomerReads, checks: Callable[[CheckCode], Awaitable[Check]]
    ) -> None:
        self._gateway = gateway
        self._reads = reads
        self._checks = checks

    async def create(
        self, account: AccountView, application: ApplicationView | None, request: Request, asking: Asking
    ) -> Response:
        """Under one Idempotency-Key one code is sent; a request that has it again is answered as the first was."""
        asked = wire.read(request.body, wire.VerificationRequest)
        asking.phone = asked.to
        send = self._sms if asked.channel == "sms" else self._call
        person = _client_ip(asked.client_ip, request.client_ip)
        command = send(account, application, asked, person, request.client_ip)
        if name := wire.request_name(request):
            digest = wire.request_digest(request)
            command = msgspec.structs.replace(command, request=name, request_digest=digest)
        sent: Accepted = await self._gateway.execute(command)
        if sent.refusal is not None:
            raise Refused(sent.refusal)
        if sent.asked and sent.asked != command.request_digest:
            return KEY_REUSED
        if sent.asked:
            message = await self._message(account, sent.message)
            return wire.created(message.id, message.phone, message.code_expires_at, asked)
        return wire.created(sent.message, command.phone, command.now + asked.ttl * 1000, asked)

    def _sms(
        self,
        account: AccountView,
        application: ApplicationView | None,
        asked: wire.VerificationRequest,
        person: str,
        client_ip: str,
    ) -> SendCode:
        sender, text = _text(account, asked)
        gateway, home = self._gateway, account.country
        return SendCode(
            account=account.id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(ENTROPY_BYTES),
            dialect=DIALECT,
            phone=parse_phone(asked.to, home),
            home_country=home,
            client_ip=person,
            application=application.name if application else "",
            reference=asked.reference,
            brandname=sender,
            text=text,
            code=_code(asked),
            category=asked.purpose,
        )

    def _call(
        self,
        account: AccountView,
        application: ApplicationView | None,
        asked: wire.VerificationRequest,
        person: str,
        client_ip: str,
    ) -> CallWithCode:
        if asked.application:
            application = account.applications.get(asked.application)
        if application is None:
            raise Refused(Refusal.APPLICATION_UNKNOWN, "a call needs an application")
        admit_application(application, client_ip)
        gateway, home = self._gateway, account.country
        return CallWithCode(
            account=account.id,
            application=application.name,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(ENTROPY_BYTES),
            dialect=DIALECT,
            phone=parse_phone(asked.to, home),
            home_country=home,
            client_ip=person,
            reference=asked.reference,
            code=_code(asked),
            voice=asked.voice or application.document.voice or _VOICE,
            times=_TIMES,
            pool_required=False,
            category=asked.purpose,
        )

    async def show(self, account: AccountView, verification: MessageId) -> Response:
        story = await self._story(account, verification)
        told = wire.verification(story, self._gateway.now(), account.document.currency)
        return wire.told(told | {"timeline": wire.timeline(story)})

    async def check(self, account: AccountView, verification: MessageId, body: bytes) -> Response:
        asked = wire.read(body, wire.CheckRequest)
        message = await self._message(account, verification)
        gateway = self._gateway
        check = await self._checks(
            CheckCode(
                account=account.id,
                id=gateway.next_id(),
                now=gateway.now(),
                phone=message.phone,
                code=asked.code,
                purpose=wire.purpose_of(message),
                verification=message.verification,
            )
        )
        if check is Check.RIGHT:
            return wire.checked(verification, VerificationState.VERIFIED)
        state = verification_state(await self._story(account, verification), gateway.now())
        return wire.checked(verification, state, outcome=check.value)

    async def cancel(self, account: AccountView, verification: MessageId, body: bytes) -> Response:
        """Safe twice: what is over stays what it became."""
        if body:
            wire.read(body, wire.EmptyRequest)
        message = await self._message(account, verification)
        gateway = self._gateway
        await gateway.execute(
            CancelCode(
                account=account.id,
                id=gateway.next_id(),
                now=gateway.now(),
                phone=message.phone,
                purpose=wire.purpose_of(message),
                verification=message.verification,
            )
        )
        return await self.show(account, verification)

    async def _message(self, account: AccountView, verification: MessageId) -> Message:
        message = await self._reads.message(account.id, verification)
        if message is None or not message.verification:
            raise Unknown
        return message

    async def _story(self, account: AccountView, verification: MessageId) -> Story:
        story = await self._reads.story(account.id, verification)
        if story is None or not story.message.verification:
            raise Unknown
        return story


def _code(asked: wire.VerificationRequest) -> NewCode:
    return NewCode(_ALPHABETS[asked.alphabet], asked.code_length, asked.ttl * 1000, asked.purpose)


def _text(account: AccountView, asked: wire.VerificationRequest) -> tuple[str, str]:
    """Under which brandname, and which text: the named template, or the text as it is given, or the only one there is.

    Raises Invalid and Refused.
    """
    if asked.template:
        if asked.text:
            raise Invalid("/text", "a template is named already")
        template = account.named_templates.get(asked.template)
        if template is None or not is_whole_with_a_code(template.text):
            raise Invalid("/template", "there is no template of this name with {OTP} and no other places")
        if asked.sender not in ("", template.brandname):
            raise Invalid("/sender", "the template belongs to another brandname")
        return template.brandname, template.text
    if asked.sender:
        senders = [asked.sender]
    else:
        senders = [name for name, brandname in account.brandnames.items() if brandname.active]
    if len(senders) != 1:
        raise Invalid("/sender", "it is missing: the account has no brandname or several")
    (sender,) = senders
    if asked.text:
        return sender, asked.text
    brandname = account.brandnames.get(sender)
    if brandname is None:
        raise Refused(Refusal.BRANDNAME_UNKNOWN)
    for template in brandname.templates:
        if is_whole_with_a_code(template.text):
            return sender, template.text
    raise Invalid("/text", "it is missing: the brandname has no template with {OTP} and no other places")


def _client_ip(told: str, client_ip: str) -> str:
    """The person's address, which windows count; where nobody tells it, the client's. Raises Invalid."""
    if not told:
        return client_ip
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        raise Invalid("/client_ip", "it is no IP address") from None
