"""Our refusals in the vendor's words (docs/vendors/vbee.md#errors).

401 and 1104 to 2302 are from https://api-docs.aicall.vbee.ai/danh-sach-api/voice-otp/api-voice-otp. It prints
no HTTP status. The error handler of another product of the house sends codes that are an HTTP status with it
and all others with 200 (github.com/levietcuong2602/vbee-sachnoi-backend, middlewares/errorHandler.js, seen
2026-11); whether AICall has the same is not known, so the second is a setting.
"""

import msgspec

from onema.dialects.vbee import wire
from onema.domain.refusals import Refusal
from onema.http.messages import Response

_HTTP_CODES = frozenset({400, 401, 403, 404, 500})


class VendorError(msgspec.Struct, frozen=True):
    code: int
    message: str

    def response(self, outcome: str, business_status: int = 200) -> Response:
        status = self.code if self.code in _HTTP_CODES else business_status
        return Response(status, wire.refused(status, self.code, self.message), outcome=outcome)


class Rejected(Exception):
    """A request that ends with an answer of this dialect's own."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.outcome)
        self.response = response


_APPLICATION_NOT_FOUND = VendorError(1201, "Application is not found")
# 403 and 404 are in no list of this API; their words are the same handler's. Those of 400 and 500 are ours: the
# list has no words for 500, and 400 is not in it.
_FORBIDDEN = VendorError(403, "Forbidden")
_NOT_CALLED = VendorError(400, "phone_number can not be called")
_SYSTEM_ERROR = VendorError(500, "Internal server error")
_BAD_PHONE = VendorError(400, "phone_number is not a phone number")

REFUSALS: dict[Refusal, VendorError] = {
    Refusal.CREDENTIAL_UNKNOWN: _APPLICATION_NOT_FOUND,
    Refusal.ACCOUNT_SUSPENDED: _FORBIDDEN,
    Refusal.IP_NOT_ALLOWED: _FORBIDDEN,
    Refusal.APPLICATION_UNKNOWN: _APPLICATION_NOT_FOUND,
    Refusal.APPLICATION_INACTIVE: _APPLICATION_NOT_FOUND,
    Refusal.WRONG_ENVIRONMENT: _APPLICATION_NOT_FOUND,
    Refusal.FEATURE_OFF: _FORBIDDEN,
    # "Không tìm thấy nội dung thông báo OTP_CODE (xem cách tạo ứng dụng)": what is said belongs to the
    # application. It could also mean that otpCode names a text; docs/vendors/vbee.md#sources says why it is
    # read as the code.
    Refusal.SENTENCE_MISSING: VendorError(1204, "OTP content is not found"),
    Refusal.PHONE_INVALID: _BAD_PHONE,
    Refusal.COUNTRY_NOT_ALLOWED: _NOT_CALLED,
    Refusal.DESTINATION_NOT_ALLOWED: _BAD_PHONE,
    Refusal.PHONE_BLOCKED: _NOT_CALLED,
    Refusal.BRANDNAME_UNKNOWN: _SYSTEM_ERROR,
    Refusal.TEMPLATE_MISMATCH: _SYSTEM_ERROR,
    Refusal.TEXT_NOT_SENDABLE: _SYSTEM_ERROR,
    Refusal.NOT_REGISTERED: _SYSTEM_ERROR,
    Refusal.CODE_INVALID: VendorError(400, "otpCode must be 1 to 20 letters or digits"),
    Refusal.VOICE_UNKNOWN: VendorError(400, "voice is not in the list of voices"),
    Refusal.POOL_UNKNOWN: VendorError(2301, "Pool hotline do not exist"),
    Refusal.POOL_INACTIVE: VendorError(2302, "Pool hotline is inactive"),
    # Also for daily caps, of which the vendor says nothing.
    Refusal.HOTLINE_UNAVAILABLE: VendorError(1501, "Hotline is empty or inactive"),
    # Ours: the vendor's list has nothing for it.
    Refusal.RATE_LIMITED: VendorError(429, "Too many requests"),
    Refusal.ABUSE_SUSPECTED: _NOT_CALLED,
    Refusal.CHALLENGE_REQUIRED: _NOT_CALLED,
    Refusal.PRICE_MISSING: _NOT_CALLED,
    Refusal.WALLET_EXPIRED: VendorError(1104, "Portal wallet is expired"),
    Refusal.BALANCE_TOO_LOW: VendorError(1603, "Portal wallet is out of money"),
    Refusal.DUPLICATE: _SYSTEM_ERROR,
    Refusal.CONFLICT: _SYSTEM_ERROR,
    Refusal.STORE_UNAVAILABLE: _SYSTEM_ERROR,
    Refusal.CARRIER_UNAVAILABLE: _SYSTEM_ERROR,
}

UNAUTHORIZED = VendorError(401, "Unauthorized").response("token_invalid")
NOT_FOUND = VendorError(404, "Not Found").response("not_found")
OVERSIZED = VendorError(400, "body is too large").response("oversized")


def responses(business_status: int) -> dict[Refusal, Response]:
    return {refusal: error.response(refusal.value, business_status) for refusal, error in REFUSALS.items()}


def invalid_body(message: str) -> Response:
    return VendorError(400, message).response("invalid_body")


def fault(incident: str) -> Response:
    """The vendor's text has no room for the incident's number, so a header names it."""
    body = wire.refused(500, _SYSTEM_ERROR.code, _SYSTEM_ERROR.message)
    return Response(500, body, headers=((b"x-incident", incident.encode()),), outcome="fault")
