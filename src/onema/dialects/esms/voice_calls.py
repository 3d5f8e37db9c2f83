"""Calls that read out a code of the sender's own: VoiceOTP, and the plain send of type 8.

VoiceOTP is on no page of the vendor's any more. Its parameters are those of the vendor's PHP demo and of five other
public programs; the meaning of `Voice` and `Speed` is that of the vendor's page of another call
(https://developers.esms.vn/esms-api/ham-goi-voice/ham-tao-cuoc-goi-tu-dong-theo-template, seen 2026-11).
"""

import re
from collections.abc import Mapping

import msgspec

from onema.dialects.esms import wire
from onema.dialects.esms.auth import DIALECT, application_of
from onema.dialects.esms.errors import BAD_CODE, OTHER_VOICE, Rejected
from onema.dialects.esms.phones import HOME_COUNTRY
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_application
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.send_text import SendText
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone, parse_phone
from onema.engine.gateway import Gateway
from onema.http.messages import Response

VOICE_OTP = "8"
"""The SmsType that the vendor's page of voice codes has; a call's category."""

VOICES: Mapping[str, str] = {
    "female": "vi-north",
    "male": "vi-north",
    "hatieumai": "vi-south",
    "ngoclam": "vi-central",
}
"""The vendor's voices by name, as ours of the same region."""
DEFAULT_VOICE = "vi-north"
SLOWEST, FASTEST = -3, 3
"""Of the vendor's `Speed`; 0 is normal."""
# Its page says "very slow" to "very fast" and no numbers.
_STEP = 0.1
# No parameter says how often; who misses a digit has no other way to hear it again.
TIMES = 2
_CODE = re.compile(r"[0-9A-Za-z]{1,20}", re.ASCII)
_CODE_ALONE = re.compile(r"(?=[A-Za-z]*[0-9])[0-9A-Za-z]{4,20}", re.ASCII)

Parameters = Mapping[str, str]


class VoiceCalls:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def voice_otp(self, account: AccountView, parameters: Parameters, client_ip: str) -> Response:
        """VoiceOTP, in the order of docs/vendors/esms.md#errors. Raises Rejected and Refused."""
        given = parameters.get
        application = self.application(parameters, client_ip)
        phone = parse_phone(given("phone", ""), account.country or HOME_COUNTRY, space_is_plus=True)
        code = given("code", "").strip()
        if not _CODE.fullmatch(code):
            raise Rejected(BAD_CODE, "code_invalid")
        voice, rate = voice_of(parameters, application), rate_of(speed_of(parameters))
        command = self._command(account, application, phone, code, client_ip, voice=voice, rate=rate)
        sent: Accepted = await self._gateway.execute(command)
        return Response(200, wire.accepted(sent.message))

    def speaks(self, parameters: Parameters) -> bool:
        """Whether this content of a plain send is a code to be read out, and the key's application can call."""
        application = application_of(self._gateway.directory, parameters)
        return application is not None and bool(_CODE_ALONE.fullmatch(parameters.get("content", "").strip()))

    def instead_of(self, send: SendText, account: AccountView, parameters: Parameters) -> CallWithCode:
        """The call that a plain send asks for. Raises Refused."""
        application = self.application(parameters, send.client_ip)
        voice = application.document.voice or DEFAULT_VOICE
        call = self._command(account, application, send.phone, send.text.strip(), send.client_ip, voice=voice)
        return msgspec.structs.replace(
            call,
            reference=send.reference,
            once_seconds=send.once_seconds,
            dry_run=send.dry_run,
            callback_url=send.callback_url,
            campaign=send.campaign,
        )

    def _command(
        self,
        account: AccountView,
        application: ApplicationView,
        phone: Phone,
        code: str,
        client_ip: str,
        *,
        voice: str,
        rate: float = 1.0,
    ) -> CallWithCode:
        gateway = self._gateway
        return CallWithCode(
            account=account.id,
            application=application.name,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(ENTROPY_BYTES),
            dialect=DIALECT,
            phone=phone,
            home_country=account.country or HOME_COUNTRY,
            client_ip=client_ip,
            code=GivenCode(code),
            voice=voice,
            rate=rate,
            times=TIMES,
            pool_required=False,
            category=VOICE_OTP,
        )

    def application(self, parameters: Parameters, client_ip: str) -> ApplicationView:
        """The one that the key was made for. Raises Refused."""
        application = application_of(self._gateway.directory, parameters)
        if application is None:
            raise Refused(Refusal.APPLICATION_UNKNOWN, "the key names no application to call with")
        admit_application(application, client_ip)
        return application


def voice_of(parameters: Parameters, application: ApplicationView) -> str:
    """The vendor's by name; the application's where none is named. Raises Rejected."""
    name = parameters.get("voice", "").strip().lower()
    voice = VOICES.get(name) if name else application.document.voice or DEFAULT_VOICE
    if voice is None:
        raise Rejected(OTHER_VOICE, "voice_unknown")
    return voice


def speed_of(parameters: Parameters) -> int:
    return wire.clamped(parameters.get("speed"), 0, SLOWEST, FASTEST)


def rate_of(speed: int) -> float:
    """How fast that is: a tenth for each step."""
    return round(1.0 + _STEP * speed, 1)
