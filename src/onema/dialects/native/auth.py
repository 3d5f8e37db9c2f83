"""A credential's key and secret as HTTP Basic (RFC 7617): what every client can send, and no vendor's scheme."""

import base64
import binascii
import hmac

from onema.domain.configuration.directory import CredentialView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking

DIALECT = "native"
SCHEME = b"basic"


def authenticate(directory: Directory, authorization: bytes | None, asking: Asking) -> CredentialView:
    """The credential whose key and secret these are; `asking` gets the account that has the key, whatever the secret.

    Raises Refused(CREDENTIAL_UNKNOWN).
    """
    key, secret = _login(authorization or b"")
    credential = directory.credentials.get((DIALECT, key))
    if credential is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN)
    asking.account = credential.account
    if credential.application is not None:
        asking.application = credential.application.name
    if not credential.active:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential is not active")
    # An empty secret opens nothing, even where one got past the rules for documents.
    if not hmac.compare_digest(secret, credential.secret_bytes) or not secret:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "another secret")
    return credential


def _login(authorization: bytes) -> tuple[str, bytes]:
    scheme, _, encoded = authorization.strip().partition(b" ")
    if scheme.lower() != SCHEME:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "no Basic login in Authorization")
    try:
        key, colon, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        if colon:
            return key.decode(), secret
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the Basic login is malformed")
