"""What is registered, or is not, although countries and carriers that an account sends to ask for it."""

import re
from collections.abc import Iterable, Iterator, Mapping

import phonenumbers

from onema.domain.configuration import documents as doc
from onema.domain.configuration.advice import Advice
from onema.domain.configuration.needs import REGISTRATION, Need
from onema.domain.configuration.problems import Problem, place_of
from onema.domain.configuration.registered import SIGNATURE, facts_of
from onema.domain.configuration.rules import After
from onema.domain.values.times import parse_time

SOON_MS = 30 * 86_400_000
"""Before a registration ends: renewing one takes weeks."""

AUSTRALIAN_SENDER = re.compile(r"(?i)(?!.*unverified)(?![0-9]+\Z)[!-^`-~][ -~]{0,9}[!-^`-~]")
"""What ACMA registers: https://www.acma.gov.au/31-ensure-your-sender-ids-meet-valid-use-case-rules, 3.1.1."""
_REGISTRIES: Mapping[str, str] = {
    # ACMA's register, since 2026-07-01.
    "AU": 'phones show one that is not registered as "Unverified"',
    # The SSIR of SGNIC.
    "SG": 'phones show one that is not registered as "Likely-SCAM"',
}
"""Countries whose networks mark a sender that is not in their registry."""


def registration_advice(documents: After, needs: Mapping[str, Iterable[Need]], now: int) -> Advice:
    """`needs` are those of each carrier, by its name; `now` is in Unix milliseconds."""
    accounts = {one.name: one for one in documents.of_kind(doc.Account) if one.state == "active"}
    brandnames = {
        one.identity: one
        for one in documents.of_kind(doc.Brandname)
        if one.state == "active" and one.account in accounts
    }
    for brandname in brandnames.values():
        about = (brandname.kind, brandname.identity)
        countries = _countries(accounts[brandname.account])
        for problem in (*_ending(brandname, now), *_senders(brandname, countries)):
            yield about, problem.below(place_of(brandname))
    routed = {route.carrier for route in documents.of_kind(doc.Route) if route.channel == "sms"}
    carriers = [one for one in documents.of_kind(doc.Carrier) if one.state == "active" and one.name in routed]
    known = _known_to_applications(documents)
    for template in documents.of_kind(doc.Template):
        sender = brandnames.get(f"{template.account}/{template.brandname}")
        if template.state != "active" or sender is None:
            continue
        account = accounts[template.account]
        facts = facts_of(account.registered, sender.registered, template.registered)
        for carrier in carriers:
            has = {*facts, *carrier.registered, *known.get(account.name, ()), SIGNATURE, REGISTRATION}
            for problem in _missing(carrier, needs.get(carrier.name, ()), _countries(account), has):
                yield (template.kind, template.identity), problem.below(place_of(template))


def _countries(account: doc.Account) -> tuple[str, ...]:
    """Those that it names: of one that may send anywhere nobody knows where it does."""
    named = account.countries or ((account.country,) if account.country else ())
    return tuple(country for country in named if country != "*")


def _known_to_applications(documents: After) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for application in documents.of_kind(doc.Application):
        known.setdefault(application.account, set()).update(application.registered)
    return known


def _ending(brandname: doc.Brandname, now: int) -> Iterator[Problem]:
    for number, one in enumerate(brandname.registrations):
        if one.status != "approved" or not one.expires_at:
            continue
        try:
            ends = parse_time(one.expires_at)
        except (ValueError, OverflowError):
            continue  # refused by its document's rules
        where = f"{one.country} at {one.carrier}" if one.carrier else one.country
        if ends <= now:
            yield Problem(f"registrations[{number}]", f"it has expired: the brandname is not sent to {where}")
        elif ends - now <= SOON_MS:
            days = (ends - now) // 86_400_000
            yield Problem(
                f"registrations[{number}]", f"it expires in {days} days; then nothing is sent to {where}"
            )


def _senders(brandname: doc.Brandname, countries: Iterable[str]) -> Iterator[Problem]:
    registered = {one.country for one in brandname.registrations}
    name = brandname.name
    if "AU" in countries and not AUSTRALIAN_SENDER.fullmatch(name):
        sentence = (
            "Australia takes senders of 2 to 11 characters, not digits alone, without a space or underscore at their "
            "ends, and without 'Unverified'"
        )
        yield Problem("name", sentence)
    for country, what in _REGISTRIES.items():
        if country in countries and country not in registered:
            yield Problem("registrations", f"none for {country}, where {what}: say how far it is")


def _missing(
    carrier: doc.Carrier, needs: Iterable[Need], countries: Iterable[str], has: set[str]
) -> Iterator[Problem]:
    codes = [f"+{phonenumbers.country_code_for_region(country)}" for country in countries]
    for need in needs:
        concerned = any(code.startswith(need.prefix) or need.prefix.startswith(code) for code in codes)
        if concerned and need.fact not in has:
            where = f"to {need.prefix} " if need.prefix != "+" else ""
            yield Problem("registered", f"carrier {carrier.name!r} takes no text {where}without {need.fact}")
