"""A credential's key and secret as HTTP Basic (RFC 7617): what every client can send, and no vendor's scheme."""

import hmac

from onema.domain.configuration.directory import CredentialView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking
from onema.http.basic_login import basic_login

DIALECT = "native"


def authenticate(directory: Directory, authorization: bytes | None, asking: Asking) -> CredentialView:
    """The credential whose key and secret these are; `asking` gets the account that has the key, whatever the secret.

    Raises Refused(CREDENTIAL_UNKNOWN).
    """
    try:
        key, secret = basic_login(authorization)
    except ValueError as error:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, str(error)) from None
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
