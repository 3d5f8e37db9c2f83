"""Our refusals in CAMARA's codes: one-time-password-sms.yaml of camaraproject/OTPValidation, r3.2 (1.1.1)."""

import msgspec

from onema.domain.refusals import Refusal
from onema.http.messages import Response

JSON = b"application/json"
_OWN = "ONE_TIME_PASSWORD_SMS."


class VendorError(msgspec.Struct, frozen=True):
    """`message` is for people."""

    status: int
    code: str
    message: str

    def response(self, detail: str = "", outcome: str = "") -> Response:
        """`detail` follows the message; it never repeats a value."""
        told = {
            "status": self.status,
            "code": self.code,
            "message": f"{self.message}: {detail}" if detail else self.message,
        }
        headers = ((b"www-authenticate", b"Bearer"),) if self.status == 401 else ()
        return Response(self.status, msgspec.json.encode(told), JSON, headers, outcome=outcome or self.code)


class Failed(Exception):
    """A request that is answered with an error; `detail` follows its message."""

    def __init__(self, error: VendorError, detail: str = "") -> None:
        super().__init__(f"{error.code}: {detail}")
        self.error = error
        self.detail = detail


INVALID_ARGUMENT = VendorError(400, "INVALID_ARGUMENT", "The request does not fit")
INVALID_OTP = VendorError(400, f"{_OWN}INVALID_OTP", "The code is wrong")
EXPIRED = VendorError(400, f"{_OWN}VERIFICATION_EXPIRED", "The code is not valid any more")
FAILED = VendorError(400, f"{_OWN}VERIFICATION_FAILED", "The code was tried too often")
UNAUTHENTICATED = VendorError(401, "UNAUTHENTICATED", "There is no valid access token")
PERMISSION_DENIED = VendorError(403, "PERMISSION_DENIED", "The client may not do this")
MAX_CODES = VendorError(403, f"{_OWN}MAX_OTP_CODES_EXCEEDED", "Too many codes were sent")
NOT_ALLOWED = VendorError(403, f"{_OWN}PHONE_NUMBER_NOT_ALLOWED", "This number gets no SMS")
BLOCKED = VendorError(403, f"{_OWN}PHONE_NUMBER_BLOCKED", "This number is blocked")
NOT_FOUND = VendorError(404, "NOT_FOUND", "There is no such resource")
METHOD = VendorError(405, "METHOD_NOT_ALLOWED", "The path takes another method")
QUOTA = VendorError(429, "QUOTA_EXCEEDED", "The account has no money left")
TOO_MANY = VendorError(429, "TOO_MANY_REQUESTS", "Too many requests")
INTERNAL = VendorError(500, "INTERNAL", "Something went wrong here")
UNAVAILABLE = VendorError(503, "UNAVAILABLE", "Try again later")

R = Refusal
REFUSALS: dict[Refusal, VendorError] = {
    R.CREDENTIAL_UNKNOWN: UNAUTHENTICATED,
    R.ACCOUNT_SUSPENDED: PERMISSION_DENIED,
    R.IP_NOT_ALLOWED: PERMISSION_DENIED,
    R.APPLICATION_UNKNOWN: PERMISSION_DENIED,
    R.APPLICATION_INACTIVE: PERMISSION_DENIED,
    R.WRONG_ENVIRONMENT: PERMISSION_DENIED,
    R.FEATURE_OFF: PERMISSION_DENIED,
    R.SENTENCE_MISSING: PERMISSION_DENIED,
    R.PHONE_INVALID: VendorError(400, "INVALID_ARGUMENT", "phoneNumber is no phone number"),
    R.COUNTRY_NOT_ALLOWED: NOT_FOUND,
    R.DESTINATION_NOT_ALLOWED: NOT_ALLOWED,
    R.PHONE_BLOCKED: BLOCKED,
    R.BRANDNAME_UNKNOWN: PERMISSION_DENIED,
    R.TEMPLATE_MISMATCH: VendorError(400, "INVALID_ARGUMENT", "message is no registered text"),
    R.TEXT_NOT_SENDABLE: VendorError(400, "INVALID_ARGUMENT", "message cannot be sent"),
    R.NOT_REGISTERED: PERMISSION_DENIED,
    R.CODE_INVALID: INVALID_ARGUMENT,
    R.VOICE_UNKNOWN: PERMISSION_DENIED,
    R.POOL_UNKNOWN: PERMISSION_DENIED,
    R.POOL_INACTIVE: PERMISSION_DENIED,
    R.HOTLINE_UNAVAILABLE: UNAVAILABLE,
    R.RATE_LIMITED: TOO_MANY,
    R.ABUSE_SUSPECTED: NOT_ALLOWED,
    # Nothing in this API carries a solution.
    R.CHALLENGE_REQUIRED: NOT_ALLOWED,
    R.PRICE_MISSING: NOT_FOUND,
    R.WALLET_EXPIRED: QUOTA,
    R.BALANCE_TOO_LOW: QUOTA,
    R.DUPLICATE: INVALID_ARGUMENT,
    R.CONFLICT: UNAVAILABLE,
    R.STORE_UNAVAILABLE: UNAVAILABLE,
    R.CARRIER_UNAVAILABLE: UNAVAILABLE,
}
