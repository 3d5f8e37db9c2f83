"""The vendor's voice OTP: a call that reads out the code which the caller's token carries."""

from typing import Literal

from onema.dialects.vbee import wire
from onema.dialects.vbee.auth import DIALECT, Caller, authenticate
from onema.dialects.vbee.callbacks import VbeeCallbacks
from onema.dialects.vbee.errors import (
    NOT_FOUND,
    OVERSIZED,
    REFUSALS,
    Rejected,
    fault,
    invalid_body,
    responses,
)
from onema.domain.codes.admission import admit_account, admit_application
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import parse_phone
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

HOME_COUNTRY = "VN"

_VOICE_OTP = "/api/v1/public-api/voice-otp"
# The request has no field for it, and who misses a digit has no other way to hear it again.
_TIMES = 2
_CONTACT_ID_BYTES = 16


class VbeeApi:
    """POST /api/v1/public-api/voice-otp, checked in the order of docs/vendors/vbee.md#order-of-checks.

    `business_error_status` is the HTTP status of errors whose code is not itself one; the vendor's documents
    do not name it.
    """

    name = DIALECT
    path_segments = frozenset({"api"})
    operations = (_VOICE_OTP,)
    refusals = REFUSALS

    def __init__(self, gateway: Gateway, *, business_error_status: Literal[200, 400] = 200) -> None:
        self._gateway = gateway
        self.callbacks = VbeeCallbacks(gateway)
        self._refused = responses(business_error_status)

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in ("ok", "not_found"):
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        # Express, which the vendor runs, takes paths in any case and with a slash at the end.
        if request.path.lower().removesuffix("/") != _VOICE_OTP or request.method != "POST":
            return NOT_FOUND
        gateway = self._gateway
        try:
            caller = authenticate(gateway.directory, request.header(b"authorization"), gateway.now(), asking)
            return await self._call(caller, request, asking)
        except Rejected as rejected:
            return rejected.response
        except wire.InvalidBody as invalid:
            asking.detail = str(invalid)
            return invalid_body(str(invalid))
        except Refused as refused:
            asking.detail = refused.detail
            return self._refused[refused.refusal]

    def refuse_oversized(self, request: Request) -> Response:
        return OVERSIZED

    def fault(self, request: Request, incident: str) -> Response:
        return fault(incident)

    async def _call(self, caller: Caller, request: Request, asking: Asking) -> Response:
        gateway, account, application = self._gateway, caller.account, caller.application
        admit_account(account, request.client_ip)
        admit_application(application, request.client_ip)
        asked = wire.read_body(request.body)
        asking.phone = asked.phone_number
        home = account.country or HOME_COUNTRY
        phone = parse_phone(asked.phone_number, home)
        if not application.document.sentence:
            raise Refused(Refusal.SENTENCE_MISSING, "the application has no sentence")
        if caller.otp_code in (None, ""):
            raise Refused(Refusal.SENTENCE_MISSING, "the token has no otpCode")
        contact = wire.contact_id(gateway.token(_CONTACT_ID_BYTES))
        await gateway.execute(
            CallWithCode(
                account=account.id,
                application=application.name,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=request.client_ip,
                code=GivenCode(wire.code_to_speak(caller.otp_code)),
                voice=asked.voice,
                rate=asked.rate,
                times=_TIMES,
                reference=contact,
            )
        )
        return Response(200, wire.accepted(contact))
