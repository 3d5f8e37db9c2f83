"""What profiles look at: the configuration and the settings as they are at one moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.guard_view import Guards, GuardView
from onema.domain.configuration.message_template import (
    AMOUNT_MARKER,
    CODE_MARKER,
    PAYEE_MARKER,
    is_whole_for_a_payment,
)
from onema.domain.configuration.registered import facts_of
from onema.domain.configuration.rules import After

PAYMENT = "payment"
"""What the registered fact `purpose` of an account or an application says whose codes confirm payments."""


class CodeLife(msgspec.Struct, frozen=True):
    """How long a code may live that is asked for by one wire API, at most; `change` is what makes it shorter.

    `named` is how long where a request names its template. `binds`: a request may bind its code to an amount and a
    payee.
    """

    seconds: int
    named: int = 0
    change: str = ""
    binds: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`settings` are texts by name, as `onema settings` prints them. `lives` is by dialect, of those whose codes are
    checked here. `now` is in Unix milliseconds.
    """

    documents: After
    settings: Mapping[str, str]
    lives: Mapping[str, CodeLife]
    now: int

    @cached_property
    def _applications(self) -> Mapping[str, Sequence[doc.Application]]:
        return _by_account(self.documents.of_kind(doc.Application))

    @cached_property
    def _templates(self) -> Mapping[str, Sequence[doc.Template]]:
        return _by_account(self.documents.of_kind(doc.Template))

    @cached_property
    def _credentials(self) -> Mapping[str, Sequence[doc.Credential]]:
        return _by_account(self.documents.of_kind(doc.Credential))

    @cached_property
    def _guards(self) -> Guards:
        return Guards({one.name: one for one in self.documents.of_kind(doc.Guard)})

    def number(self, setting: str) -> int:
        return int(self.settings[setting])

    def is_on(self, setting: str) -> bool:
        return self.settings[setting] == "true"

    def accounts(self) -> Iterator[doc.Account]:
        """Those that are active."""
        return (one for one in self.documents.of_kind(doc.Account) if one.state == "active")

    def accounts_to(self, country: str) -> Iterator[doc.Account]:
        """Active ones that may send to a country: those that name it, or every country."""
        return (one for one in self.accounts() if sends_to(one, country))

    def applications(self, account: doc.Account) -> Iterator[doc.Application]:
        return iter(self._applications.get(account.name, ()))

    def senders_to(self, country: str) -> Iterator[doc.Brandname]:
        """Active brandnames of accounts that may send to a country."""
        names = {one.name for one in self.accounts_to(country)}
        found = self.documents.of_kind(doc.Brandname)
        return (one for one in found if one.state == "active" and one.account in names)

    def templates(self, account: str, brandname: str = "") -> Iterator[doc.Template]:
        """Active ones of an account, or of one of its brandnames."""
        return (one for one in self._templates.get(account, ()) if brandname in ("", one.brandname))

    def facts(self, template: doc.Template) -> dict[str, str]:
        """What is registered about texts of a template, by its account, applications, brandname or itself."""
        account = self.documents.get(("account", template.account))
        sender = self.documents.get(("brandname", f"{template.account}/{template.brandname}"))
        applications = self.applications(account) if isinstance(account, doc.Account) else ()
        return facts_of(
            account.registered if isinstance(account, doc.Account) else {},
            *(one.registered for one in applications),
            sender.registered if isinstance(sender, doc.Brandname) else {},
            template.registered,
        )

    def dialects(self, account: doc.Account) -> Sequence[str]:
        """Through which wire APIs an account may come, in order."""
        return sorted({one.dialect for one in self._credentials.get(account.name, ())})

    def confirms_payments(self, account: doc.Account) -> bool:
        """Whether codes of an account confirm payments, as far as its documents tell: a template shows an amount or a
        payee, or the fact `purpose` says so.
        """
        registered = (account.registered, *(one.registered for one in self.applications(account)))
        if any(facts.get("purpose") == PAYMENT for facts in registered):
            return True
        return any(is_of_a_payment(template.text) for template in self.templates(account.name))

    def binds_payments(self, account: doc.Account) -> bool:
        """Whether a text of an account shows a payment whole, so that requests may bind codes to it."""
        return any(is_whole_for_a_payment(template.text) for template in self.templates(account.name))

    def guards_of(self, account: doc.Account) -> Iterator[GuardView]:
        """Those that hold for an account or its applications, each once."""
        names = ("", *(application.name for application in self.applications(account)))
        views = (self._guards.of(account.name, name) for name in names)
        yield from {view.document.name: view for view in views}.values()

    def guards(self) -> Iterator[GuardView]:
        """Those that hold for any active account, each once."""
        views = (view for account in self.accounts() for view in self.guards_of(account))
        yield from {view.document.name: view for view in views}.values()

    def carriers(self, channel: str, prefix: str = "+") -> Iterator[doc.Carrier]:
        """Active carriers that a route of a channel names, for numbers with a prefix or some of them."""
        routes = (route for route in self.documents.of_kind(doc.Route) if route.channel == channel)
        routed = {
            route.carrier
            for route in routes
            if prefix.startswith(route.prefix) or route.prefix.startswith(prefix)
        }
        for one in self.documents.of_kind(doc.Carrier):
            if one.state == "active" and one.name in routed:
                yield one


Owned = TypeVar("Owned", doc.Application, doc.Template, doc.Credential)


def _by_account(documents: Iterable[Owned]) -> Mapping[str, Sequence[Owned]]:
    """Active ones by account."""
    found: dict[str, list[Owned]] = {}
    for one in documents:
        if one.state == "active":
            found.setdefault(one.account, []).append(one)
    return found


def sends_to(account: doc.Account, country: str) -> bool:
    named = account.countries or ((account.country,) if account.country else ())
    return country in named or "*" in named


def is_of_a_payment(text: str) -> bool:
    return AMOUNT_MARKER in text or PAYEE_MARKER in text


def has_a_code(template: doc.Template) -> bool:
    return CODE_MARKER in template.text
