import hmac
from collections.abc import Mapping

from onema.domain.directory import AccountView, Directory
from onema.domain.refusals import Refusal

DIALECT = "esms"


def authenticate(
    directory: Directory, parameters: Mapping[str, str], client_ip: str
) -> AccountView | Refusal:
    """The account that the keys belong to, or why it may not ask (specs/esms.md sections 3 and 12)."""
    credential = directory.credentials.get((DIALECT, parameters.get("apikey", "")))
    secret = parameters.get("secretkey", "").encode()
    if (
        credential is None
        or not secret
        or not hmac.compare_digest(secret, credential.secret_bytes)
        or not credential.active
    ):
        return Refusal.CREDENTIAL_UNKNOWN
    account = credential.account
    if not account.allowed_ips.admits(client_ip):
        return Refusal.IP_NOT_ALLOWED
    if not account.active:
        return Refusal.ACCOUNT_SUSPENDED
    return account
