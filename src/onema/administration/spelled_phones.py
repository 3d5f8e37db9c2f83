"""The numbers that people may mean by what they type."""

from collections.abc import Iterable

from onema.domain.configuration.documents import Account
from onema.domain.refusals import Refused
from onema.domain.values.phone import parse_phone

_HOME_COUNTRIES = ("VN", "CN")
"""Those of the dialects, where an account names none."""


def spelled_phones(text: str, accounts: Iterable[Account]) -> frozenset[str]:
    """By where national numbers of the accounts belong; none for what is no number."""
    countries = {country for one in accounts for country in _countries(one)} or _HOME_COUNTRIES
    found = set()
    for country in countries:
        try:
            found.add(parse_phone(text, country))
        except Refused:
            continue
    return frozenset(found)


def _countries(account: Account) -> tuple[str, ...]:
    return (account.country,) if account.country else _HOME_COUNTRIES
