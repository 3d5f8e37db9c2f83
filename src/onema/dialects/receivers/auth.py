"""Whose message it is: the key stands in the path, and the secret signs the body, or comes along.

- Supabase signs as Standard Webhooks has it (https://www.standardwebhooks.com), Zitadel in a header of its own.
- Logto and Kratos send the secret as a Bearer token, or Basic with the key.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from onema.domain.configuration.directory import CredentialView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking
from onema.http.basic_login import basic_login
from onema.http.messages import Request

DIALECT = "receivers"
TOLERANCE_SECONDS = 300
_PREFIXES = ("v1,whsec_", "whsec_")


def credential_of(directory: Directory, key: str, asking: Asking) -> CredentialView:
    """Raises Refused(CREDENTIAL_UNKNOWN); `asking` gets the account that has the key."""
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


def signed_as_webhook(request: Request, secret: str, now: int) -> None:
    """Raises Refused(CREDENTIAL_UNKNOWN). Several signatures are joined by a space, or as Supabase does."""
    identifier, at = request.header(b"webhook-id") or b"", request.header(b"webhook-timestamp") or b""
    _in_time(at, now)
    signed = b"%b.%b.%b" % (identifier, at, request.body)
    right = b"v1," + base64.b64encode(hmac.digest(webhook_key(secret), signed, "sha256"))
    given = (request.header(b"webhook-signature") or b"").replace(b", ", b" ").split(b" ")
    _one_of(given, right)


def signed_by_zitadel(request: Request, secret: str, now: int) -> None:
    """`t=SECONDS,v1=HEX`, one v1 for each key. Raises Refused(CREDENTIAL_UNKNOWN)."""
    parts = [
        part.strip().partition(b"=") for part in (request.header(b"zitadel-signature") or b"").split(b",")
    ]
    at = next((value for name, _, value in parts if name == b"t"), b"")
    _in_time(at, now)
    right = hmac.new(secret.encode(), at + b"." + request.body, "sha256").hexdigest().encode()
    _one_of([value for name, _, value in parts if name == b"v1"], right)


def brings_the_secret(request: Request, credential: CredentialView) -> None:
    """Raises Refused(CREDENTIAL_UNKNOWN)."""
    authorization = (request.header(b"authorization") or b"").strip()
    scheme, _, secret = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            key, secret = basic_login(authorization)
        except ValueError as error:
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, str(error)) from None
        if key != credential.key:
            raise Refused(Refusal.CREDENTIAL_UNKNOWN, "another key than in the path")
    elif scheme.lower() != b"bearer":
        # Logto sends what its operator wrote, with or without a scheme.
        secret = authorization
    if not hmac.compare_digest(secret.strip(), credential.secret_bytes):
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "another secret")


def webhook_key(secret: str) -> bytes:
    """Of a secret as Supabase writes it, what it stands for; any other text is itself the key."""
    for prefix in _PREFIXES:
        if secret.startswith(prefix):
            try:
                return base64.b64decode(secret.removeprefix(prefix), validate=True)
            except binascii.Error:
                break
    return secret.encode()


def _in_time(seconds: bytes, now: int) -> None:
    if not seconds.isdigit() or len(seconds) > 12 or abs(int(seconds) - now // 1000) > TOLERANCE_SECONDS:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "its time is not now")


def _one_of(given: Sequence[bytes], right: bytes) -> None:
    if not any(hmac.compare_digest(one, right) for one in given):
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the signature is wrong")
