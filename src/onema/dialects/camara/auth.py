"""OAuth 2 client credentials (RFC 6749, 4.4): a credential's key and secret for a token that lives an hour.

A token says whose it is and until when, and is signed with the credential's secret: none is stored, every node knows
it, and it is dead when the credential is.
"""

import base64
import binascii
import hmac

import msgspec

from onema.domain.configuration.directory import CredentialView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking

DIALECT = "camara"
SCOPE = "one-time-password-sms:send-validate"
LIFE_SECONDS = 3_600
_SCHEME = b"bearer"


class _Claims(msgspec.Struct, frozen=True, array_like=True):
    key: str
    expires_at: int


_decoder = msgspec.json.Decoder(_Claims)


def new_token(credential: CredentialView, now: int) -> str:
    """`now` is Unix ms."""
    claims = msgspec.json.encode(_Claims(credential.key, now + LIFE_SECONDS * 1000))
    mac = hmac.digest(credential.secret_bytes, claims, "sha256")
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (claims, mac)).decode()


def authenticate(
    directory: Directory, authorization: bytes | None, now: int, asking: Asking
) -> CredentialView:
    """Whose token it is; `asking` gets the account. Raises Refused(CREDENTIAL_UNKNOWN)."""
    scheme, _, token = (authorization or b"").strip().partition(b" ")
    if scheme.lower() != _SCHEME:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "no Bearer token in Authorization")
    claims, _, mac = (_decoded(part) for part in token.strip().partition(b"."))
    try:
        told = _decoder.decode(claims)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the token is malformed") from None
    credential = _usable(directory, told.key, asking)
    if not hmac.compare_digest(mac, hmac.digest(credential.secret_bytes, claims, "sha256")):
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the token is signed with another secret")
    if now >= told.expires_at:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the token has expired")
    return credential


def log_in(directory: Directory, key: str, secret: bytes, asking: Asking) -> CredentialView:
    """Raises Refused(CREDENTIAL_UNKNOWN)."""
    credential = _usable(directory, key, asking)
    if not hmac.compare_digest(secret, credential.secret_bytes):
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "another secret")
    return credential


def _usable(directory: Directory, key: str, asking: Asking) -> CredentialView:
    credential = directory.credentials.get((DIALECT, key))
    if credential is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN)
    asking.account = credential.account
    if credential.application is not None:
        asking.application = credential.application.name
    if not credential.active:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential is not active")
    # An empty secret opens nothing, even where one got past the rules for documents.
    if not credential.secret_bytes:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential has no secret")
    return credential


def _decoded(part: bytes) -> bytes:
    try:
        return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""
