import hmac
from collections.abc import Mapping

from onema.domain.configuration.directory import AccountView, ApplicationView, Directory
from onema.domain.refusals import AccountAway, Refusal
from onema.engine.refusals import Asking

DIALECT = "esms"


def authenticate(
    directory: Directory, parameters: Mapping[str, str], asking: Asking
) -> AccountView | Refusal:
    """The account that the keys belong to, or why it may not ask (docs/vendors/esms.md#errors).

    `asking` gets the account that has the key even when the secret is wrong.
    """
    try:
        credential = directory.credentials.get((DIALECT, parameters.get("apikey", "")))
    except AccountAway as away:
        asking.detail = away.detail
        return away.refusal
    secret = parameters.get("secretkey", "").encode()
    if credential is not None:
        asking.account = credential.account
    if (
        credential is None
        or not secret
        or not hmac.compare_digest(secret, credential.secret_bytes)
        or not credential.active
    ):
        if credential is not None:
            asking.detail = "the secret is wrong" if credential.active else "the credential is not active"
        return Refusal.CREDENTIAL_UNKNOWN
    account = credential.account
    if not account.allowed_ips.admits(asking.client_ip):
        return Refusal.IP_NOT_ALLOWED
    if not account.active:
        return Refusal.ACCOUNT_SUSPENDED
    return account


def application_of(directory: Directory, parameters: Mapping[str, str]) -> ApplicationView | None:
    """What calls are made with: the application that the key was made for. None where it names none."""
    credential = directory.credentials.get((DIALECT, parameters.get("apikey", "")))
    return credential.application if credential is not None else None
