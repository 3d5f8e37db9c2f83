"""Our refusals in the vendor's numbers: https://www.twilio.com/docs/verify/api/error-codes and .../docs/api/errors."""

import msgspec

from onema.domain.refusals import Refusal, Refused
from onema.http.messages import Headers, Response

JSON = b"application/json"
_MORE_INFO = "https://www.twilio.com/docs/errors/"
# Clients that ask without a login first wait for this (RFC 9110, 11.6.1).
_ASKS_FOR_A_LOGIN: Headers = ((b"www-authenticate", b'Basic realm="Twilio API"'),)


class VendorError(msgspec.Struct, frozen=True):
    code: int
    status: int
    message: str

    def response(self, detail: str = "", outcome: str = "") -> Response:
        """`detail` follows the message; it never repeats a secret or a code."""
        told = {
            "code": self.code,
            "message": f"{self.message}: {detail}" if detail else self.message,
            "more_info": f"{_MORE_INFO}{self.code}",
            "status": self.status,
        }
        headers = _ASKS_FOR_A_LOGIN if self.status == 401 else ()
        return Response(
            self.status, msgspec.json.encode(told), JSON, headers, outcome=outcome or str(self.code)
        )


class Failed(Exception):
    """A request that is answered with the vendor's error; `detail` follows its message. `refused` is why, where the
    error is another than that refusal usually has.
    """

    def __init__(self, error: VendorError, detail: str = "", refused: Refused | None = None) -> None:
        super().__init__(f"{error.message}: {detail}" if detail else error.message)
        self.error = error
        self.detail = detail
        self.refused = refused


AUTHENTICATE = VendorError(20003, 401, "Authenticate")
PERMISSION_DENIED = VendorError(20003, 403, "Permission Denied")
METHOD_NOT_ALLOWED = VendorError(20004, 405, "Method not allowed")
NOT_ACTIVE = VendorError(20005, 403, "Account not active")
CONFLICT = VendorError(20409, 409, "Conflict")
TOO_MANY_REQUESTS = VendorError(20429, 429, "Too Many Requests")
INTERNAL = VendorError(20500, 500, "Internal Server Error")
UNAVAILABLE = VendorError(20503, 503, "Service Unavailable")
INVALID_PARAMETER = VendorError(60200, 400, "Invalid parameter")
TEMPLATE_NOT_APPROVED = VendorError(60201, 400, "Selected template translation is not approved")
MAX_CHECKS = VendorError(60202, 429, "Max check attempts reached")
MAX_SENDS = VendorError(60203, 429, "Max send attempts reached")
NOT_SUPPORTED = VendorError(60204, 403, "Service does not support this feature")
LANDLINE = VendorError(60205, 403, "SMS is not supported by landline phone number")
SERVICE_FULL = VendorError(60207, 400, "Max rate limits per service reached")
NAME_EXISTS = VendorError(60208, 409, "Rate limit with that UniqueName already exists")
NAME_UNFIT = VendorError(60209, 400, "UniqueName format is invalid")
BUCKETS_FULL = VendorError(60210, 400, "Max Buckets per Rate limit reached")
BUCKET_EXISTS = VendorError(60211, 409, "Bucket with the given Interval already exists")
SERVICE_CONFIGURATION = VendorError(60217, 400, "Invalid Service configuration")
NO_TARGET = VendorError(60221, 400, "No target verification specified")
CHANNEL_DISABLED = VendorError(60223, 400, "Delivery channel disabled")
PREFIX_BLOCKED = VendorError(
    60410, 403, "Verification delivery attempt blocked: the destination phone number is blocked"
)
HIGH_RISK_DEVICE = VendorError(60413, 403, "Verification blocked by Verify Device Intelligence")
GEO_PERMISSION = VendorError(
    60605, 403, "Verification delivery attempt blocked: the destination country is blocked by Geo Permissions"
)


def not_found(path: str) -> VendorError:
    """`path` is told without the version in front, as the vendor has it."""
    return VendorError(20404, 404, f"The requested resource {path.removeprefix('/v2')} was not found")


R = Refusal
REFUSALS: dict[Refusal, VendorError] = {
    R.CREDENTIAL_UNKNOWN: AUTHENTICATE,
    R.ACCOUNT_SUSPENDED: NOT_ACTIVE,
    R.IP_NOT_ALLOWED: PERMISSION_DENIED,
    R.APPLICATION_UNKNOWN: SERVICE_CONFIGURATION,
    R.APPLICATION_INACTIVE: SERVICE_CONFIGURATION,
    R.WRONG_ENVIRONMENT: SERVICE_CONFIGURATION,
    R.FEATURE_OFF: CHANNEL_DISABLED,
    R.SENTENCE_MISSING: SERVICE_CONFIGURATION,
    R.PHONE_INVALID: VendorError(60200, 400, "Invalid parameter: To"),
    R.COUNTRY_NOT_ALLOWED: GEO_PERMISSION,
    R.DESTINATION_NOT_ALLOWED: LANDLINE,
    R.PHONE_BLOCKED: PREFIX_BLOCKED,
    R.BRANDNAME_UNKNOWN: SERVICE_CONFIGURATION,
    R.TEMPLATE_MISMATCH: TEMPLATE_NOT_APPROVED,
    R.TEXT_NOT_SENDABLE: TEMPLATE_NOT_APPROVED,
    R.NOT_REGISTERED: TEMPLATE_NOT_APPROVED,
    R.CODE_INVALID: VendorError(60200, 400, "Invalid parameter: CustomCode"),
    R.VOICE_UNKNOWN: SERVICE_CONFIGURATION,
    R.POOL_UNKNOWN: SERVICE_CONFIGURATION,
    R.POOL_INACTIVE: SERVICE_CONFIGURATION,
    R.HOTLINE_UNAVAILABLE: UNAVAILABLE,
    R.RATE_LIMITED: TOO_MANY_REQUESTS,
    R.ABUSE_SUSPECTED: PREFIX_BLOCKED,
    # There it is a captcha before the request, and no word of this API.
    R.CHALLENGE_REQUIRED: PREFIX_BLOCKED,
    R.PRICE_MISSING: GEO_PERMISSION,
    R.WALLET_EXPIRED: NOT_ACTIVE,
    R.BALANCE_TOO_LOW: NOT_ACTIVE,
    R.DUPLICATE: CONFLICT,
    R.CONFLICT: CONFLICT,
    R.STORE_UNAVAILABLE: UNAVAILABLE,
    R.CARRIER_UNAVAILABLE: UNAVAILABLE,
}
