"""A guard document as the hot path asks it: what each rule does, and who is let through."""

import ipaddress
import re
from functools import cached_property

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.guard_rules import ENFORCED, Mode, Rule
from onema.domain.values.address_list import AddressList
from onema.domain.values.money import Minor, parse_amount

EVERYWHERE = "*"
"""The name of the installation's guard."""

_NUMBER = re.compile(r"\+[0-9]{6,15}")
_BLOCK = re.compile(r"(\+[0-9]{4,12})xxx")
_COUNTRY = re.compile(r"[A-Z]{2}")


class Allowed(msgspec.Struct, frozen=True):
    """Entries of an allow list by what they are."""

    phones: frozenset[str]
    blocks: tuple[str, ...]
    countries: frozenset[str]
    networks: tuple[str, ...]


def read_allowed(entries: tuple[str, ...]) -> tuple[Allowed, tuple[str, ...]]:
    """(what the entries name, those that name nothing)."""
    phones, blocks, countries, networks, unknown = [], [], [], [], []
    for entry in entries:
        if _NUMBER.fullmatch(entry):
            phones.append(entry)
        elif match := _BLOCK.fullmatch(entry):
            blocks.append(match[1])
        elif _COUNTRY.fullmatch(entry):
            countries.append(entry)
        else:
            try:
                ipaddress.ip_network(entry, strict=False)
            except ValueError:
                unknown.append(entry)
            else:
                networks.append(entry)
    return Allowed(frozenset(phones), tuple(blocks), frozenset(countries), tuple(networks)), tuple(unknown)


class GuardView:
    def __init__(self, document: doc.Guard) -> None:
        self.document = document
        self.modes = {rule: Mode(document.rules.get(rule, document.mode)) for rule in Rule}
        self.active = any(mode is not Mode.OFF for mode in self.modes.values())
        self.countries = frozenset(document.countries)
        self.budgets = {budget.country: (budget.hour, budget.day) for budget in document.budgets}
        self._least_budget = (document.country_hour, document.country_day)
        self.known_ms = document.known_days * 86_400_000
        self.price_ceiling = parse_amount(document.price_ceiling) if document.price_ceiling else None
        self.call_spend: Minor | None = parse_amount(document.call_spend) if document.call_spend else None
        self.limits = tuple(
            (limit, Mode(limit.mode) if limit.mode else self.modes[Rule.LIMITS]) for limit in document.limits
        )
        own = {mode for _, mode in self.limits}
        self.challenges = Mode.CHALLENGE in own.union(self.modes.values())
        """Whether some rule asks for one."""
        allowed, _ = read_allowed(document.allow)
        self._phones, self._blocks, self._countries = allowed.phones, allowed.blocks, allowed.countries
        self._networks = AddressList(allowed.networks) if allowed.networks else None
        self._lets_some_through = bool(document.allow)

    @cached_property
    def separates_purses(self) -> bool:
        """Whether a verified number's own purse takes the place of the account's windows per phone."""
        return self.modes[Rule.PURSES] in ENFORCED

    def budget_of(self, country: str) -> tuple[int, int]:
        """(an hour, a day)."""
        return self.budgets.get(country) or self._least_budget

    def lets_through(self, phone: str, country: str, person_ip: str) -> bool:
        """Whether the allow list names it."""
        if not self._lets_some_through:
            return False
        return (
            phone in self._phones
            or country in self._countries
            or phone[:-3] in self._blocks
            or (self._networks is not None and self._networks.admits(person_ip))
        )


class Guards:
    """Those of a directory, by the account and the application that they are of."""

    def __init__(self, documents: dict[str, doc.Document]) -> None:
        self._views = {
            name: GuardView(document)
            for name, document in documents.items()
            if isinstance(document, doc.Guard)
        }
        self._everywhere = self._views.get(EVERYWHERE) or GuardView(doc.Guard(name=EVERYWHERE))

    def of(self, account: str, application: str) -> GuardView:
        if len(self._views) == 0:
            return self._everywhere
        return self._views.get(f"{account}/{application}") or self._views.get(account) or self._everywhere
