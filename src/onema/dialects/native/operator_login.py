"""An operator's key at our own API: it is for the installation, and for any account that a request names."""

import hmac
from functools import cached_property

from onema.administration.permissions import NotPermitted
from onema.dialects.native.errors import Invalid, ScopeMissing
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView, ApplicationView, Directory
from onema.domain.configuration.key_lengths import operator_secret_hash
from onema.http.basic_login import basic_login

ACCOUNT_HEADER = b"onema-account"
"""Where it names the account whose business a request is about."""


class OperatorLogin:
    """What stands for a credential where an operator's key was shown."""

    application: ApplicationView | None = None
    scopes = frozenset(("read",))

    def __init__(self, key: doc.OperatorKey, account: AccountView | None) -> None:
        self.document = key
        self._account = account

    @property
    def key(self) -> str:
        return self.document.name

    @cached_property
    def account(self) -> AccountView:
        """The one that the request names. Raises Invalid where it names none, and ScopeMissing."""
        self.needs("accounts")
        if self._account is None:
            raise Invalid("", "name an account in the header Onema-Account")
        return self._account

    def needs(self, scope: doc.OperatorScope) -> None:
        """Raises ScopeMissing where the key is for something else."""
        if self.document.scopes and scope not in self.document.scopes:
            raise ScopeMissing(scope)


def operator_login(
    directory: Directory, authorization: bytes | None, account: bytes | None
) -> OperatorLogin | None:
    """Whose key and secret these are, and the account that is named. None where they are no operator's. Raises
    NotPermitted where the account is not there.
    """
    try:
        name, secret = basic_login(authorization)
    except ValueError:
        return None
    key = directory.operator_keys.get(name)
    if key is None or key.state != "active":
        return None
    if not hmac.compare_digest(key.secret_hash, operator_secret_hash(secret)):
        return None
    if not account:
        return OperatorLogin(key, None)
    view = directory.account_named.get(account.decode("latin-1"))
    if view is None:
        raise NotPermitted
    return OperatorLogin(key, view)
