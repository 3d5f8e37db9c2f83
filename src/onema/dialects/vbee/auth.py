"""The ACCESS_TOKEN: a JWT that the customer signs with HMAC-SHA256 (RFC 7515, RFC 7519).

https://api-docs.aicall.vbee.ai/huong-dan-khoi-tao/huong-dan-tao-access-token has samples in four languages;
docs/vendors/vbee.md tells integrators. Verified here rather than by PyJWT, which the flow below would need
twice: it costs 15 times as much, reads the wall clock for `exp` and warns of the short secrets that this vendor
hands out. A property test holds the two against each other.
"""

import base64
import hmac
import re
from typing import Literal

import msgspec

from onema.dialects.vbee.errors import UNAUTHORIZED, Rejected
from onema.domain.configuration.directory import AccountView, ApplicationView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking

DIALECT = "vbee"

_BEARER = re.compile(
    rb"(?i:bearer) +(?P<signed>(?P<header>[\w-]+)\.(?P<claims>[\w-]+))\.(?P<signature>[\w-]+) *"
)


class _Header(msgspec.Struct):
    """Extensions that a token calls critical must be understood (RFC 7515 section 4.1.11); we know none."""

    alg: Literal["HS256"]
    crit: None = None


class _Claims(msgspec.Struct, rename="camel"):
    """The vendor's samples set no `exp`; those in Python and PHP set no `iat` either. jsonwebtoken, which the
    vendor's own sample uses, honours `exp` and `nbf` unasked, and refuses neither a future `iat` nor any `aud`
    and `sub`.
    """

    api_key: str = ""
    otp_code: object = None
    exp: float | msgspec.UnsetType = msgspec.UNSET
    nbf: float | msgspec.UnsetType = msgspec.UNSET


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and the `otpCode` that the token carries: any JSON value."""

    account: AccountView
    application: ApplicationView
    otp_code: object


_header_decoder = msgspec.json.Decoder(_Header)
_claims_decoder = msgspec.json.Decoder(_Claims)


def authenticate(directory: Directory, authorization: bytes | None, now: int, asking: Asking) -> Caller:
    """Raises Rejected(UNAUTHORIZED), and Refused(CREDENTIAL_UNKNOWN) for an API_KEY that nobody has.

    `asking` gets the account that has the key, even when the signature is wrong. The key is looked up before
    the signature is verified: 1201 is documented as "check API_KEY", which a server could not say if it told a
    wrong signature first.
    """
    match = _BEARER.fullmatch(authorization or b"")
    if match is None:
        asking.detail = "no Bearer token in Authorization"
        raise Rejected(UNAUTHORIZED)
    try:
        _header_decoder.decode(_decoded(match["header"]))
        claims = _claims_decoder.decode(_decoded(match["claims"]))
    except (ValueError, RecursionError):
        asking.detail = "the token is no JWT with alg HS256"
        raise Rejected(UNAUTHORIZED) from None
    credential = directory.credentials.get((DIALECT, claims.api_key))
    if credential is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN)
    asking.account = credential.account
    if not credential.active:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential is not active")
    if credential.application is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential names no application")
    asking.application = credential.application.name
    if not _is_signed(match["signed"], match["signature"], credential.secret_bytes):
        asking.detail = "the token is signed with another secret"
        raise Rejected(UNAUTHORIZED)
    if claims.exp is not msgspec.UNSET and now >= claims.exp * 1000:
        asking.detail = "the token has expired"
        raise Rejected(UNAUTHORIZED)
    if claims.nbf is not msgspec.UNSET and now < claims.nbf * 1000:
        asking.detail = "the token is not valid yet"
        raise Rejected(UNAUTHORIZED)
    return Caller(credential.account, credential.application, claims.otp_code)


def _decoded(segment: bytes) -> bytes:
    """Segments come without padding; what is too much of it does no harm."""
    return base64.urlsafe_b64decode(segment + b"==")


def _is_signed(signed: bytes, signature: bytes, secret: bytes) -> bool:
    # Over the bytes that came: libraries differ in the order of the header's members. A secret may be short,
    # since the vendor's have 8 characters; an empty one signs nothing.
    expected = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return bool(secret) and hmac.compare_digest(expected, signature)
