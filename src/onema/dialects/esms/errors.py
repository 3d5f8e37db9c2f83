"""Our refusals in the vendor's words.

Codes are those of https://developers.esms.vn/esms-api/bang-ma-loi (seen 2026-11), which says 171 where samples say 117.
The texts of 101, 104, 124 and 146 are those of samples, the others ours: docs/vendors/esms.md#errors.
"""

import msgspec

from onema.dialects.esms import wire
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal
from onema.http.messages import Response


class VendorError(msgspec.Struct, frozen=True):
    code: str
    message: str

    def response(self, outcome: str) -> Response:
        """HTTP status 200: the vendor's clients drop the body of any other (docs/vendors/esms.md#answers)."""
        return Response(200, wire.refused(self.code, self.message), outcome=outcome)


class Rejected(Exception):
    """A request that is refused for a reason which this API alone knows; `outcome` names it in logs and metrics."""

    def __init__(self, error: VendorError, outcome: str) -> None:
        super().__init__(outcome)
        self.error = error
        self.outcome = outcome


_PHONE_BLOCKED = VendorError("99", "Phone is blocked")
_NOT_SERVED = VendorError("99", "Request can not be served")
_BUSY = VendorError("99", "System is busy, try again later")
_BALANCE = VendorError("103", "Balance is not enough")
_TEMPLATE = VendorError("146", "Sai template Brandname CSKH")
_BAD_PHONE = VendorError("108", "Phone is wrong format")

REFUSALS: dict[Refusal, VendorError] = {
    Refusal.CREDENTIAL_UNKNOWN: VendorError("101", "Authorize Failed"),
    Refusal.ACCOUNT_SUSPENDED: VendorError("143", "Account is not activated or is locked"),
    Refusal.IP_NOT_ALLOWED: VendorError("140", "IP is not in whitelist"),
    Refusal.APPLICATION_UNKNOWN: _NOT_SERVED,
    Refusal.APPLICATION_INACTIVE: _NOT_SERVED,
    Refusal.WRONG_ENVIRONMENT: _NOT_SERVED,
    Refusal.FEATURE_OFF: _NOT_SERVED,
    Refusal.SENTENCE_MISSING: _NOT_SERVED,
    Refusal.PHONE_INVALID: _BAD_PHONE,
    Refusal.COUNTRY_NOT_ALLOWED: _PHONE_BLOCKED,
    Refusal.DESTINATION_NOT_ALLOWED: _BAD_PHONE,
    Refusal.PHONE_BLOCKED: _PHONE_BLOCKED,
    Refusal.BRANDNAME_UNKNOWN: VendorError("104", "Brand name code is not exist"),
    Refusal.TEMPLATE_MISMATCH: _TEMPLATE,
    Refusal.TEXT_NOT_SENDABLE: VendorError("99", "Text can not be sent"),
    # Ours: there a brandname or a template that is not registered with the operators is not there at all.
    Refusal.NOT_REGISTERED: _TEMPLATE,
    Refusal.CODE_INVALID: _NOT_SERVED,
    Refusal.VOICE_UNKNOWN: _NOT_SERVED,
    Refusal.POOL_UNKNOWN: _NOT_SERVED,
    Refusal.POOL_INACTIVE: _NOT_SERVED,
    Refusal.HOTLINE_UNAVAILABLE: _NOT_SERVED,
    Refusal.RATE_LIMITED: VendorError("99", "Too many requests, try again later"),
    # Ours: there is no code for either, and this API has no way to send a solution along.
    Refusal.ABUSE_SUSPECTED: _PHONE_BLOCKED,
    Refusal.CHALLENGE_REQUIRED: _PHONE_BLOCKED,
    Refusal.PRICE_MISSING: VendorError("102", "Price list is not exist"),
    Refusal.WALLET_EXPIRED: _BALANCE,
    Refusal.BALANCE_TOO_LOW: _BALANCE,
    Refusal.DUPLICATE: VendorError("124", "Request exist 1"),
    Refusal.CONFLICT: _BUSY,
    Refusal.STORE_UNAVAILABLE: _BUSY,
    Refusal.CARRIER_UNAVAILABLE: _BUSY,
}

REFUSED: dict[Refusal, Response] = {
    refusal: error.response(refusal.value) for refusal, error in REFUSALS.items()
}
NO_TYPE = VendorError("300", "Message type is missing")
OTHER_TYPE = VendorError("118", "Message type is not supported")
MESSAGE_UNKNOWN = VendorError("105", "Message is not found")
TOO_MANY_PHONES = VendorError("120", "Too many phones")
TOO_FEW_PHONES = VendorError("107", "Each request has at least 30 numbers to be approved")
NO_TEMPLATE_ID = VendorError("851", "MultiChannelTempId is missing")
OTHER_TEMPLATE_ID = VendorError("789", "TemplateId is not config")
ONE_PHONE = VendorError("163", "Each request has one phone only")
TOO_FAST = VendorError("160", "Too many requests at once, try again later")
BAD_CODE = VendorError("99", "Code must be 1 to 20 letters or digits")
OTHER_VOICE = VendorError("99", "Voice is not supported")
NO_CALL_TEMPLATE = VendorError("104", "Template not found")
OTHER_VALUES = VendorError("99", "VariableListStr does not fit the template")
LATER_CALL = VendorError("99", "SendDate is not served for calls")
OTHER_DATE = VendorError("99", "SendDate is invalid date format")
OTHER_URL = VendorError("99", "CallbackUrl can not be called")
LONG_REQUEST_ID = VendorError("99", "RequestId is longer than 50 characters")
ID_MISSING = VendorError("851", "RefId is missing")
FROM_INVALID = VendorError("161", "FromDate is invalid date format.")
TO_INVALID = VendorError("161", "ToDate is invalid date format.")
TYPE_MISSING = NO_TYPE.response("type_missing")
TYPE_NOT_SUPPORTED = OTHER_TYPE.response("type_not_supported")
INVALID_REQUEST = Response(200, wire.INVALID_REQUEST, outcome="invalid_request")
NOT_SERVED = Response(404, wire.INVALID_REQUEST, outcome="invalid_request")
"""Five public clients take any 200 of a send for a message that is on its way; WCF answers 404 too."""


def refused_message(refusal: Refusal, message: MessageId) -> Response:
    """The answer about a message that was written down as refused: it has an SMSID."""
    error = REFUSALS[refusal]
    return Response(200, wire.refused_message(error.code, error.message, message), outcome=refusal.value)


def fault(incident: str) -> Response:
    return VendorError("99", f"System error, incident {incident}").response("fault")
