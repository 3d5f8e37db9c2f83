"""An account by the name that somebody says."""

from onema.domain.configuration.directory import AccountView, Directory
from onema.domain.refusals import Refusal, Refused


def account_by_name(directory: Directory, name: str) -> AccountView:
    """Raises Refused(CONFLICT)."""
    account = directory.account_named.get(name)
    if account is None:
        raise Refused(Refusal.CONFLICT, f"There is no account {name!r}.")
    return account
