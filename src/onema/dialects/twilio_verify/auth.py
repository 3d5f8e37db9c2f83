"""AccountSid and AuthToken, or an API key and its secret, as HTTP Basic: https://www.twilio.com/docs/usage/requests-to-twilio."""

import hmac

from onema.domain.configuration.directory import AccountView, CredentialView, Directory
from onema.domain.configuration.documents import Credential
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking
from onema.http.basic_login import basic_login

DIALECT = "twilio_verify"
ACCOUNT_SID, API_KEY = "AC", "SK"


def authenticate(directory: Directory, authorization: bytes | None, asking: Asking) -> CredentialView:
    """Whose login it is; `asking` gets the account that has the key, whatever the secret.

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


def account_sid(directory: Directory, account: AccountView) -> str:
    """What answers call the account, whichever key asked: its first AccountSid, else one made of its number."""
    documents = directory.of_account(account.name).get("credential", {}).values()
    sids = sorted(
        one.key
        for one in documents
        if isinstance(one, Credential)
        and (one.dialect, one.state) == (DIALECT, "active")
        and one.key.startswith(ACCOUNT_SID)
    )
    return sids[0] if sids else f"{ACCOUNT_SID}{account.id:032x}"
