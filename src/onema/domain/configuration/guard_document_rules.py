"""What makes a guard document hold together by itself."""

import re
from collections import Counter
from collections.abc import Iterator

import phonenumbers

from onema.domain.configuration import documents as doc
from onema.domain.configuration.callback_target import BadCallbackUrl, parse_callback_url
from onema.domain.configuration.guard_rules import Rule
from onema.domain.configuration.guard_view import read_allowed
from onema.domain.configuration.problems import Problem, one_of, shown
from onema.domain.values.money import parse_amount

LONGEST_LIMIT = 31 * 86_400
LARGEST = 1_000_000_000
LONGEST_KNOWN_DAYS = 366
LONGEST_CALL_SECONDS = 300
MOST_OFFSET_MINUTES = 14 * 60
CHALLENGE_COST = (1_000, 1_000_000)
MOST_LIMITS = 32
MOST_ALLOWED = 1_000
MOST_COUNTRIES = 32
"""Of one network, which are remembered by name."""

_NAME = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63})?")
_PREFIX = re.compile(r"\+[0-9]{0,15}")
_COUNTS = (
    "known_hour",
    "known_day",
    "country_day",
    "country_hour",
    "address_day",
    "address_hour",
)


def guard_problems(guard: doc.Guard) -> Iterator[Problem]:
    if not _NAME.fullmatch(guard.name):
        yield Problem("name", f'it is "*", an ACCOUNT, or an ACCOUNT/APPLICATION; {shown(guard.name)} is not')
    for rule in guard.rules:
        if rule not in tuple(Rule):
            yield one_of(f"rules.{rule}", "rule", rule, map(str, Rule))
    if len(guard.allow) > MOST_ALLOWED:
        yield Problem("allow", f"it has {len(guard.allow):,}; {MOST_ALLOWED:,} are the most")
    for entry in read_allowed(guard.allow)[1]:
        yield Problem(
            f"allow[{guard.allow.index(entry)}]",
            f"{shown(entry)} is no number (+84901234567), block of a thousand (+84901234xxx), network (203.0.113.0/24) "
            "or country (VN)",
        )
    for number, country in enumerate(guard.countries):
        yield from _country(f"countries[{number}]", country)
    for field in ("price_ceiling", "call_spend"):
        if amount := getattr(guard, field):
            yield from _amount(field, amount)
    for field in _COUNTS:
        yield from _between(field, getattr(guard, field), 1, LARGEST)
    for field in ("country_share", "address_share"):
        yield from _between(field, getattr(guard, field), 0, 100)
    yield from _between("known_days", guard.known_days, 1, LONGEST_KNOWN_DAYS)
    yield from _between("address_countries", guard.address_countries, 1, MOST_COUNTRIES)
    yield from _between("call_seconds", guard.call_seconds, 0, LONGEST_CALL_SECONDS)
    yield from _between("challenge_cost", guard.challenge_cost, *CHALLENGE_COST)
    yield from _captcha(guard)
    for number, budget in enumerate(guard.budgets):
        place = f"budgets[{number}]"
        yield from _country(f"{place}.country", budget.country)
        yield from _between(f"{place}.hour", budget.hour, 1, LARGEST)
        yield from _between(f"{place}.day", budget.day, 1, LARGEST)
    yield from _limits(guard.limits)


def _captcha(guard: doc.Guard) -> Iterator[Problem]:
    if bool(guard.captcha_url) is not bool(guard.captcha_secret):
        missing = "captcha_secret" if guard.captcha_url else "captcha_url"
        yield Problem(missing, "it is missing: a captcha has a URL and a secret")
    if guard.captcha_url:
        try:
            parse_callback_url(guard.captcha_url)
        except BadCallbackUrl as error:
            yield Problem("captcha_url", f"it {error}")


def _limits(limits: tuple[doc.GuardLimit, ...]) -> Iterator[Problem]:
    if len(limits) > MOST_LIMITS:
        yield Problem("limits", f"it has {len(limits)}; {MOST_LIMITS} are the most")
    for number, limit in enumerate(limits):
        place = f"limits[{number}]"
        yield from _between(f"{place}.seconds", limit.seconds, 1, LONGEST_LIMIT)
        yield from _between(f"{place}.limit", limit.limit, 1, LARGEST)
        yield from _between(
            f"{place}.offset_minutes", limit.offset_minutes, -MOST_OFFSET_MINUTES, MOST_OFFSET_MINUTES
        )
        if not _PREFIX.fullmatch(limit.prefix):
            yield Problem(
                f"{place}.prefix",
                f'{shown(limit.prefix)} is not a prefix such as "+84", or "+" for every number',
            )
    counted = Counter((limit.per, limit.how, limit.seconds, limit.offset_minutes) for limit in limits)
    for (per, how, seconds, _), count in counted.items():
        if count > 1:
            yield Problem(
                "limits", f"there are {count} of the {how} per {per} and {seconds} seconds; one counts"
            )


def _country(place: str, country: str) -> Iterator[Problem]:
    if country not in phonenumbers.SUPPORTED_REGIONS:
        yield Problem(place, f"{shown(country)} is not an ISO country code such as VN")


def _between(place: str, number: int, least: int, most: int) -> Iterator[Problem]:
    if not least <= number <= most:
        yield Problem(place, f"it is {least:,} to {most:,}, not {number:,}")


def _amount(place: str, text: str) -> Iterator[Problem]:
    try:
        negative = parse_amount(text) < 0
    except ValueError as error:
        yield Problem(place, str(error))
        return
    if negative:
        yield Problem(place, f"it must not be negative, and {text} is")
