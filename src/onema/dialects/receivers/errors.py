"""Our refusals as HTTP statuses. Identity servers show a text at most to their operators, and repeat some statuses."""

import msgspec

from onema.domain.refusals import Refusal
from onema.http.messages import Response

JSON = b"application/json"


class VendorError(msgspec.Struct, frozen=True):
    code: int
    message: str

    def response(self, outcome: str = "", detail: str = "") -> Response:
        message = f"{self.message}: {detail}" if detail else self.message
        told = {"error": {"http_code": self.code, "message": message}}
        return Response(self.code, msgspec.json.encode(told), JSON, outcome=outcome or self.message)


class Failed(Exception):
    """A request that does not fit; the text names what, and never its value."""


INVALID = VendorError(400, "The request does not fit")
UNAUTHORIZED = VendorError(401, "The secret or the signature is wrong")
FORBIDDEN = VendorError(403, "The account may not send this")
NOT_FOUND = VendorError(404, "There is no such receiver")
METHOD = VendorError(405, "The path takes POST")
UNFIT = VendorError(422, "The account has no text for it")
TOO_MANY = VendorError(429, "Too many messages")
FAULT = VendorError(500, "Something went wrong here")
UNAVAILABLE = VendorError(503, "Try again later")

R = Refusal
REFUSALS: dict[Refusal, VendorError] = {
    R.CREDENTIAL_UNKNOWN: UNAUTHORIZED,
    R.ACCOUNT_SUSPENDED: FORBIDDEN,
    R.IP_NOT_ALLOWED: FORBIDDEN,
    R.APPLICATION_UNKNOWN: FORBIDDEN,
    R.APPLICATION_INACTIVE: FORBIDDEN,
    R.WRONG_ENVIRONMENT: FORBIDDEN,
    R.FEATURE_OFF: FORBIDDEN,
    R.SENTENCE_MISSING: UNFIT,
    R.PHONE_INVALID: INVALID,
    R.COUNTRY_NOT_ALLOWED: FORBIDDEN,
    R.DESTINATION_NOT_ALLOWED: FORBIDDEN,
    R.PHONE_BLOCKED: FORBIDDEN,
    R.BRANDNAME_UNKNOWN: UNFIT,
    R.TEMPLATE_MISMATCH: UNFIT,
    R.TEXT_NOT_SENDABLE: UNFIT,
    R.NOT_REGISTERED: UNFIT,
    R.CODE_INVALID: INVALID,
    R.VOICE_UNKNOWN: UNFIT,
    R.POOL_UNKNOWN: UNFIT,
    R.POOL_INACTIVE: UNFIT,
    R.HOTLINE_UNAVAILABLE: UNAVAILABLE,
    R.RATE_LIMITED: TOO_MANY,
    R.ABUSE_SUSPECTED: FORBIDDEN,
    R.CHALLENGE_REQUIRED: FORBIDDEN,
    R.PRICE_MISSING: FORBIDDEN,
    R.WALLET_EXPIRED: FORBIDDEN,
    R.BALANCE_TOO_LOW: FORBIDDEN,
    R.DUPLICATE: INVALID,
    R.CONFLICT: UNAVAILABLE,
    R.STORE_UNAVAILABLE: UNAVAILABLE,
    R.CARRIER_UNAVAILABLE: UNAVAILABLE,
}
