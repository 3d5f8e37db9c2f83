"""What countries ask of who sends: names, registrations, ids."""

import re
from collections.abc import Callable, Iterator

import msgspec
import phonenumbers

from onema.domain.compliance.check import Fault
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import place_of
from onema.domain.values.times import parse_time


class NameRule(msgspec.Struct, frozen=True):
    """What a country takes as a sender's name: `pattern` fits the whole of it."""

    country: str
    pattern: str
    says: str

    def find(self, snapshot: Snapshot) -> Iterator[Fault]:
        for brandname in snapshot.senders_to(self.country):
            if not re.fullmatch(self.pattern, brandname.name):
                yield Fault(
                    f"{place_of(brandname)}.name",
                    f"{brandname.name!r} is no sender there",
                    f"a name of {self.says}",
                )


def unregistered(country: str, *, carriers: bool = False) -> Callable[[Snapshot], Iterator[Fault]]:
    """Finds brandnames that may be sent to a country and are not approved in its registry, at each carrier that an
    SMS may go through where `carriers` register by themselves.
    """

    def find(snapshot: Snapshot) -> Iterator[Fault]:
        routed = [one.name for one in snapshot.carriers("sms", calling_code(country))] if carriers else []
        for brandname in snapshot.senders_to(country):
            for carrier in routed or ("",):
                state = _state(brandname, country, carrier, snapshot.now)
                if state != "approved":
                    where = f"{country} at {carrier}" if carrier else country
                    yield Fault(
                        f"{place_of(brandname)}.registrations",
                        f"in {where} it is {state}",
                        "register it there, then say so: "
                        f'registrations = [{{ country = "{country}", status = "approved", ... }}]',
                    )

    return find


def calling_code(country: str) -> str:
    """Such as +84 for VN."""
    return f"+{phonenumbers.country_code_for_region(country)}"


def _state(brandname: doc.Brandname, country: str, carrier: str, now: int) -> str:
    """How far a brandname is at a carrier, or at all that have no registration of their own."""
    said = {one.carrier: one for one in brandname.registrations if one.country == country}
    found = said.get(carrier) or said.get("")
    if found is None:
        return "not registered, as far as the configuration says"
    if found.status == "approved" and found.expires_at and parse_time(found.expires_at) <= now:
        return "expired"
    return found.status


def missing_facts(country: str, *names: str) -> Callable[[Snapshot], Iterator[Fault]]:
    """Finds templates that may be sent to a country of which not all these facts are registered, by their documents or
    by every carrier that takes SMS.
    """

    def find(snapshot: Snapshot) -> Iterator[Fault]:
        carriers = list(snapshot.carriers("sms", calling_code(country)))
        by_all = set.intersection(*(set(one.registered) for one in carriers)) if carriers else set[str]()
        for sender in snapshot.senders_to(country):
            for template in snapshot.templates(sender.account, sender.name):
                facts = {*snapshot.facts(template), *by_all}
                for name in names:
                    if name not in facts:
                        yield Fault(
                            f"{place_of(template)}.registered",
                            f"no {name} is known for it",
                            f'registered = {{ {name} = "..." }} of the template, the brandname or the account',
                        )

    return find


def registered_templates(snapshot: Snapshot, country: str) -> Iterator[tuple[doc.Template, dict[str, str]]]:
    """Templates that may be sent to a country, and what is registered about each."""
    for sender in snapshot.senders_to(country):
        for template in snapshot.templates(sender.account, sender.name):
            yield template, snapshot.facts(template)
