"""What makes a configuration document hold together by itself."""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator

import msgspec
import phonenumbers

from onema.domain.configuration import documents as doc
from onema.domain.configuration.callback_target import URL_FIELDS, callback_url_problem
from onema.domain.configuration.guard_document_rules import guard_problems
from onema.domain.configuration.key_lengths import OPERATOR_SECRET_HASH
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.needs import needs_problems
from onema.domain.configuration.problems import Problem, every_text, one_of, shown
from onema.domain.configuration.registered import registered_problems
from onema.domain.refusals import Refused
from onema.domain.values.destinations import NumberType
from onema.domain.values.language import is_language
from onema.domain.values.money import parse_amount
from onema.domain.values.times import parse_time

SHORTEST_SECRET = 8
"""A client's secret is all that keeps others from its account; vendors hand out 24 characters and more."""
SHORTEST_PASSWORD = 8
LONGEST_TEXT = 16_384
"""Characters of any text in a document, such as a certificate in a carrier's settings."""
LONGEST_SENTENCE = 1_000
LONGEST_TITLE = 64
MOST_LIMITS = 10
"""Of an application, and buckets of each."""
SHORTEST_CODE, LONGEST_CODE = 4, 10
LONGEST_WINDOW = 366 * 86_400
LARGEST_NUMBER = 1_000_000_000
"""Of every count, cap and total: far from what a column holds, and more than anybody means."""
LONGEST_PERIOD = 86_400
MOST_REGISTRATIONS = 200
"""Of a brandname: about as many countries have a registry, with a few carriers each."""
HIGHEST_COST = 1_000
"""Thousandths: a message that costs more is never worth it."""
LONGEST_SILENCE = 900
"""Seconds before a code is sent again: no code lives longer."""
MOST_RECALLS = 5
RECALL_DELAYS = (5, 3_600)
MOST_SANDBOX_NUMBERS = 20
MOST_SAFE_NUMBERS = 1_000
_SAFE = re.compile(r"\+[1-9][0-9]{6,14}|\+[1-9][0-9]{3,11}xxx")
MOST_RESENDS = 3
"""How often an account may let a code be sent again."""
DEEPEST_SETTING = 8
"""How deep tables and lists of a carrier's settings may be nested."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_PREFIX = re.compile(r"\+[0-9]{0,15}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FIXED_CODE = re.compile(r"[0-9A-Z]{4,10}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_SENDER = re.compile(r"[!-.0-~](?:[ -.0-~]{0,9}[!-.0-~])?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ARGON2ID = "$argon2id$"
_COUNTRIES = frozenset((*phonenumbers.SUPPORTED_REGIONS, "*"))
_DESTINATIONS = tuple(kind.value for kind in NumberType if kind is not NumberType.UNKNOWN)
_encoder = msgspec.json.Encoder()


def problems_of(document: doc.Document) -> Iterator[Problem]:
    """All that is wrong with one document by itself; places are its fields."""
    yield from _not_storable(document)
    yield from registered_problems(getattr(document, "registered", {}))
    if isinstance(document, doc.Brandname | doc.Template):
        yield from _approval(document)
    match document:
        case doc.Account():
            yield from _account(document)
        case doc.Application():
            yield from _application(document)
        case doc.HotlinePool():
            yield from _name(document.name)
        case doc.User():
            yield from _user(document)
        case doc.Carrier():
            yield from _name(document.name)
            yield from _total(document)
            yield from needs_problems(document.needs)
            if _is_deeper(document.settings, DEEPEST_SETTING):
                yield Problem("settings", f"settings are nested at most {DEEPEST_SETTING} deep")
            yield from _not_finite("settings", document.settings)
        case doc.Tariff():
            yield from _tariff(document)
        case doc.Credential():
            yield from _credential(document)
        case doc.Brandname():
            yield from _brandname(document)
        case doc.Template():
            yield from _template(document)
        case doc.Route():
            yield from _prefix("prefix", document.prefix)
            if abs(document.priority) > LARGEST_NUMBER:
                yield Problem("priority", f"it is further from 0 than {LARGEST_NUMBER:,}")
            yield from _count("weight", document.weight)
            yield from _resend(document)
        case doc.Hotline():
            yield from _hotline(document)
        case doc.Guard():
            yield from guard_problems(document)
        case doc.OperatorKey():
            yield from _name(document.name)
            if not document.secret_hash.startswith(OPERATOR_SECRET_HASH):
                yield Problem(
                    "secret_hash", f"it is no hash of a secret, which begins with {OPERATOR_SECRET_HASH}"
                )


def _not_storable(document: doc.Document) -> Iterator[Problem]:
    """PostgreSQL stores no NUL, and no encoding has unpaired surrogates."""
    try:
        encoded = _encoder.encode(document)
    except UnicodeEncodeError:
        encoded = b"\\u0000"
    if len(encoded) <= LONGEST_TEXT and b"\\u0000" not in encoded:
        return
    for place, text in every_text(document):
        if len(text) > LONGEST_TEXT:
            yield Problem(place, f"it has {len(text):,} characters; {LONGEST_TEXT:,} are the most")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            yield Problem(place, "it holds a character that no text has (NUL, or half of a pair)")


def _account(account: doc.Account) -> Iterator[Problem]:
    yield from _name(account.name)
    for place, country in (
        *((f"countries[{number}]", country) for number, country in enumerate(account.countries)),
        ("country", account.country or "*"),
    ):
        if country not in _COUNTRIES:
            yield Problem(place, f"{shown(country)} is not an ISO country code such as VN")
    for number, destination in enumerate(account.destinations):
        if destination not in _DESTINATIONS:
            yield one_of(f"destinations[{number}]", "type of number", destination, _DESTINATIONS)
    if account.fixed_number:
        yield from _number("fixed_number", account.fixed_number)
    yield from _addresses(account.allowed_ips)
    yield from _windows(account.windows or ())
    if not _CURRENCY.fullmatch(account.currency):
        yield Problem(
            "currency", f"{shown(account.currency)} is not a currency: three capital letters such as VND"
        )
    yield from _amount("floor", account.floor)
    if account.credit_limit is not None:
        yield from _amount("credit_limit", account.credit_limit, negative=False)
    if account.low_balance is not None:
        yield from _amount("low_balance", account.low_balance)
    yield from _time("wallet_expires_at", account.wallet_expires_at)
    yield from _callback(account)
    if not 0 <= account.resends <= MOST_RESENDS:
        yield Problem("resends", f"it is 0 to {MOST_RESENDS}, not {account.resends}")
    for phone, code in account.sandbox_numbers.items():
        if not _E164.fullmatch(phone):
            yield Problem("sandbox_numbers", f"{shown(phone)} is not a phone such as +84901888484")
        if not _FIXED_CODE.fullmatch(code):
            yield Problem("sandbox_numbers", "a code is 4 to 10 digits and capital letters")
    if len(account.sandbox_numbers) > MOST_SANDBOX_NUMBERS:
        yield Problem("sandbox_numbers", f"there are more than {MOST_SANDBOX_NUMBERS}")
    for entry in account.safe_numbers:
        if not _SAFE.fullmatch(entry):
            yield Problem(
                "safe_numbers",
                f"{shown(entry)} is no phone such as +84901888484, nor a block such as +84901888xxx",
            )
    if len(account.safe_numbers) > MOST_SAFE_NUMBERS:
        yield Problem("safe_numbers", f"there are more than {MOST_SAFE_NUMBERS}")


def _resend(route: doc.Route) -> Iterator[Problem]:
    if not 0 <= route.cost_per_mille <= HIGHEST_COST:
        yield Problem("cost_per_mille", f"it is 0 to {HIGHEST_COST:,}, not {route.cost_per_mille}")
    if not 0 <= route.resend_after <= LONGEST_SILENCE:
        yield Problem("resend_after", f"it is 0 to {LONGEST_SILENCE:,} seconds, not {route.resend_after}")
    elif route.resend_after and route.channel != "sms":
        yield Problem("resend_after", "only an SMS is sent again; nobody is called twice")


def _windows(windows: tuple[doc.WindowLimit, ...]) -> Iterator[Problem]:
    for number, window in enumerate(windows):
        place = f"windows[{number}]"
        yield from _seconds(f"{place}.seconds", "a window", window.seconds, LONGEST_WINDOW)
        yield from _count(f"{place}.limit", window.limit)
    for (per, seconds), count in Counter((window.per, window.seconds) for window in windows).items():
        if count > 1:
            yield Problem("windows", f"there are {count} limits per {per} and {seconds} seconds; one counts")


def _application(application: doc.Application) -> Iterator[Problem]:
    yield from _name(application.name)
    if application.appid and not _is_key(application.appid):
        yield Problem("appid", "it must be printable text without spaces around it")
    yield from _addresses(application.allowed_ips)
    yield from _callback(application)
    if application.sentence and len(application.sentence) > LONGEST_SENTENCE:
        yield Problem("sentence", f"it has more than {LONGEST_SENTENCE:,} characters")
    yield from _named_limits(application.limits)
    if len(application.title) > LONGEST_TITLE:
        yield Problem("title", f"it has more than {LONGEST_TITLE} characters")
    if not SHORTEST_CODE <= application.code_length <= LONGEST_CODE:
        yield Problem(
            "code_length", f"it is {SHORTEST_CODE} to {LONGEST_CODE}, not {application.code_length}"
        )
    if not 1 <= application.recall_times <= MOST_RECALLS:
        yield Problem("recall_times", f"it is 1 to {MOST_RECALLS}, not {application.recall_times}")
    shortest, longest = RECALL_DELAYS
    if not shortest <= application.recall_delay <= longest:
        yield Problem(
            "recall_delay", f"it is {shortest} to {longest:,} seconds, not {application.recall_delay}"
        )


def _named_limits(limits: tuple[doc.NamedLimit, ...]) -> Iterator[Problem]:
    if len(limits) > MOST_LIMITS or len({limit.name for limit in limits}) < len(limits):
        yield Problem("limits", f"there are at most {MOST_LIMITS}, each with a name of its own")
    for limit in limits:
        if not _NAME.fullmatch(limit.name) or len(limit.description) > LONGEST_TITLE:
            yield Problem("limits", "a name has 1 to 64 letters, digits, dots, dashes and underscores")
        if len(limit.buckets) > MOST_LIMITS:
            yield Problem("limits", f"a limit has at most {MOST_LIMITS} buckets")
        for bucket in limit.buckets:
            if not 1 <= bucket.seconds <= LONGEST_WINDOW or not 1 <= bucket.limit <= LARGEST_NUMBER:
                yield Problem("limits", "a bucket's limit and seconds are at least 1, and no year is longer")


def _user(user: doc.User) -> Iterator[Problem]:
    if fault := user_name_fault(user.name):
        yield Problem("name", fault)
    if not user.password_hash.startswith(_ARGON2ID):
        yield Problem("password_hash", f"it is not an argon2id hash, which begins with {_ARGON2ID}")
    if fault := role_fault(user.role, user.customer_of):
        yield Problem("role" if user.customer_of else "customer_of", fault)


def user_name_fault(name: str) -> str:
    """Why nobody can have this name, or ""."""
    # An e-mail address is a name too: it is what login providers know people by.
    return "" if _USER_NAME.fullmatch(name) else next((one.sentence for one in _name(name)), "")


def role_fault(role: doc.UserRole, customer_of: str) -> str:
    """Why nobody can be that of this account ("": of all), or ""."""
    if customer_of and role in ("owner", "operator"):
        return "of one account somebody is admin, developer or viewer"
    if not customer_of and role in ("admin", "developer"):
        return f"it is missing: {role} of which account?"
    return ""


def bad_password(password: str) -> str:
    """Why a password may not be used, or ""."""
    short = len(password) < SHORTEST_PASSWORD
    return f"a password has at least {SHORTEST_PASSWORD} characters" if short else ""


def _total(carrier: doc.Carrier) -> Iterator[Problem]:
    for field in ("capacity", "per_second"):
        yield from _count(field, getattr(carrier, field))
    if carrier.per_second > 0 and not carrier.capacity:
        yield Problem(
            "per_second",
            "it is shared out with the capacity: name how many binds or calls at once there are (`capacity`)",
        )


def _is_deeper(value: object, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return depth < 0 or any(_is_deeper(member, depth - 1) for member in members)


def _not_finite(place: str, value: object) -> Iterator[Problem]:
    """TOML has infinity, and JSON, in which settings are kept, has not."""
    match value:
        case float() if not math.isfinite(value):
            yield Problem(place, "it must be an ordinary number")
        case dict():
            for name, inner in value.items():
                yield from _not_finite(f"{place}.{name}", inner)
        case list():
            for number, inner in enumerate(value):
                yield from _not_finite(f"{place}[{number}]", inner)


def _tariff(tariff: doc.Tariff) -> Iterator[Problem]:
    yield from _name(tariff.name)
    seen: dict[tuple[str, str], int] = {}
    for number, rate in enumerate(tariff.rates):
        place = f"rates[{number}]"
        yield from _prefix(f"{place}.prefix", rate.prefix)
        yield from _seconds(f"{place}.period", "a period", rate.period, LONGEST_PERIOD)
        yield from _amount(f"{place}.price", rate.price, negative=False)
        first = seen.setdefault((rate.channel, rate.prefix), number)
        if first != number:
            yield Problem(
                place,
                f"there is a price for {rate.channel} to {rate.prefix} already, in rates[{first}]",
            )


def _credential(credential: doc.Credential) -> Iterator[Problem]:
    for field in ("key", "secret"):
        value = getattr(credential, field)
        if not _is_key(value):
            yield Problem(field, f"its {field} must be printable text without spaces around it")
        elif field == "secret" and len(value) < SHORTEST_SECRET:
            yield Problem(field, f"its secret has {len(value)} characters; {SHORTEST_SECRET} are the least")


def _brandname(brandname: doc.Brandname) -> Iterator[Problem]:
    if not _SENDER.fullmatch(brandname.name):
        yield Problem(
            "name",
            f"a brandname has 1 to 11 printable ASCII characters, no slash, and no space at its ends; "
            f"{shown(brandname.name)} does not",
        )
    yield from _time("expires_at", brandname.expires_at)
    for number, prefix in enumerate(brandname.sign_to):
        yield from _prefix(f"sign_to[{number}]", prefix)
    yield from _registrations(brandname.registrations)


def _approval(document: doc.Brandname | doc.Template) -> Iterator[Problem]:
    if document.approval != "approved" and document.state == "active":
        yield Problem("state", f"it is {document.approval}, and active only when it is approved")
    if document.refused_because and document.approval != "refused":
        yield Problem("refused_because", f"it is {document.approval}")


def _registrations(registrations: tuple[doc.Registration, ...]) -> Iterator[Problem]:
    if len(registrations) > MOST_REGISTRATIONS:
        yield Problem("registrations", f"it has {len(registrations)}; {MOST_REGISTRATIONS} are the most")
    for number, one in enumerate(registrations):
        place = f"registrations[{number}]"
        if one.country not in phonenumbers.SUPPORTED_REGIONS:
            yield Problem(f"{place}.country", f"{shown(one.country)} is not an ISO country code such as VN")
        yield from _time(f"{place}.expires_at", one.expires_at)
    for (country, carrier), count in Counter((one.country, one.carrier) for one in registrations).items():
        if count > 1:
            where = f"{country} at carrier {carrier}" if carrier else country
            yield Problem("registrations", f"there are {count} for {where}; one counts")


def _template(template: doc.Template) -> Iterator[Problem]:
    if template.name:
        yield from _name(template.name)
    elif template.spoken:
        yield Problem("name", "a text that may be spoken is asked for by its name")
    if template.locale and not is_language(template.locale):
        yield Problem("locale", f"{shown(template.locale)} is no language such as vi or zh-Hant")
    try:
        MessageTemplate.parse(template.text)
    except Refused as refused:
        yield Problem("", f"its text cannot be used: {refused.detail}")


def _hotline(hotline: doc.Hotline) -> Iterator[Problem]:
    yield from _number("number", hotline.number)
    yield from _count("daily_cap", hotline.daily_cap)


def _number(place: str, text: str) -> Iterator[Problem]:
    if not _NUMBER.fullmatch(text):
        yield Problem(place, f"{shown(text)} is not a number: 3 to 15 digits, perhaps after a +")


def _name(name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield Problem(
            "name",
            "a name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or "
            f"digit; {shown(name)} does not",
        )


def _is_key(text: str) -> bool:
    return bool(text) and text.isprintable() and text == text.strip()


def _addresses(addresses: tuple[str, ...]) -> Iterator[Problem]:
    for number, address in enumerate(addresses):
        try:
            ipaddress.ip_network(address.strip(), strict=False)
        except ValueError:
            yield Problem(
                f"allowed_ips[{number}]",
                f"{shown(address)} is not an address or network such as 203.0.113.7 or 10.0.0.0/8",
            )


def _amount(place: str, text: str, *, negative: bool = True) -> Iterator[Problem]:
    try:
        amount = parse_amount(text)
    except ValueError as error:
        yield Problem(place, str(error))
        return
    if amount < 0 and not negative:
        what = "a price" if place.endswith("price") else "it"
        yield Problem(place, f"{what} must not be negative, and {text} is")


def _time(place: str, text: str) -> Iterator[Problem]:
    try:
        parse_time(text)
    except (ValueError, OverflowError):
        yield Problem(
            place, f"{shown(text)} is not a time: write it as 2026-12-31 or 2026-12-31T23:59:59+07:00"
        )


def _callback(document: doc.Account | doc.Application) -> Iterator[Problem]:
    for field in URL_FIELDS:
        if fault := callback_url_problem(document, field):
            yield Problem(field, fault)


def _prefix(place: str, text: str) -> Iterator[Problem]:
    if not _PREFIX.fullmatch(text):
        yield Problem(place, f'{shown(text)} is not a prefix such as "+84", or "+" for every number')


def _seconds(place: str, what: str, number: int, most: int) -> Iterator[Problem]:
    if number < 1:
        yield Problem(place, f"{what} has at least one second, not {number}")
    elif number > most:
        yield Problem(place, f"{what} has at most {most:,} seconds, not {number}")


def _count(place: str, number: int) -> Iterator[Problem]:
    name = place.rpartition(".")[2]
    if number < 0:
        yield Problem(place, f"{name} must not be negative, and {number} is")
    elif number > LARGEST_NUMBER:
        yield Problem(place, f"{name} is at most {LARGEST_NUMBER:,}, not {number}")
