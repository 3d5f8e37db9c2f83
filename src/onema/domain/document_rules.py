"""What makes configuration documents hold together: each by itself, and all of them with each other."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import phonenumbers

from onema.domain import documents as doc
from onema.domain.callback_target import callback_url_problem
from onema.domain.destinations import NumberType
from onema.domain.money import parse_amount

LIVE_CREDENTIALS = 2
"""So that a client can move to new keys without a gap."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = re.compile(r"\+[0-9]{0,15}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_SENDER = re.compile(r"[ -.0-~]{1,11}")


def problems(documents: Mapping[tuple[str, str], doc.Document]) -> list[str]:
    """Sentences that say what is wrong; none when the configuration may be used."""
    every = list(documents.values())
    found = [
        f"{document.kind} {document.identity!r}: {problem}"
        for document in every
        if (problem := problem_of(document) or _missing(document, documents))
    ]
    return [*found, *_shared_appids(every), *_too_many_credentials(every)]


def problem_of(document: doc.Document) -> str:
    """What is wrong with one document by itself, or nothing."""
    match document:
        case doc.Account():
            return (
                _bad_name(document.name)
                or _bad_countries(document)
                or _bad_destinations(document)
                or _bad_windows(document)
                or callback_url_problem(document)
            )
        case doc.Application():
            return _bad_name(document.name) or callback_url_problem(document)
        case doc.HotlinePool() | doc.User():
            return _bad_name(document.name)
        case doc.Carrier():
            return _bad_name(document.name) or _bad_total(document)
        case doc.Tariff():
            return _bad_name(document.name) or next(filter(None, map(_bad_rate, document.rates)), "")
        case doc.Credential():
            return _bad_credential(document)
        case doc.Brandname() if not _SENDER.fullmatch(document.name):
            return "a brandname has 1 to 11 printable ASCII characters, and no slash"
        case doc.Route() if not _PREFIX.fullmatch(document.prefix):
            return _not_a_prefix(document.prefix)
        case doc.Hotline() if not _NUMBER.fullmatch(document.number):
            return f"{document.number!r} is not a number"
        case doc.Hotline() if document.daily_cap < 0:
            return "daily_cap must not be negative"
        case _:
            return ""


def _missing(document: doc.Document, documents: Mapping[tuple[str, str], doc.Document]) -> str:
    for kind, name in _named_by(document):
        if (kind, name) not in documents:
            return f"there is no {kind.replace('_', ' ')} {name!r}"
    return ""


def _named_by(document: doc.Document) -> Iterator[tuple[str, str]]:
    """(kind, identity) of every document that this one refers to."""
    match document:
        case doc.Account():
            yield "tariff", document.tariff
        case doc.Application() | doc.Brandname():
            yield "account", document.account
        case doc.Credential():
            yield "account", document.account
            if document.application:
                yield "application", f"{document.account}/{document.application}"
        case doc.Template():
            yield "account", document.account
            yield "brandname", f"{document.account}/{document.brandname}"
        case doc.Hotline():
            yield "hotline_pool", document.pool
        case doc.Route():
            yield "carrier", document.carrier


def _shared_appids(documents: list[doc.Document]) -> Iterator[str]:
    appids = Counter(
        document.appid for document in documents if isinstance(document, doc.Application) and document.appid
    )
    for appid, count in appids.items():
        if count > 1:
            yield f"{count} applications share the appid {appid!r}"


def _too_many_credentials(documents: list[doc.Document]) -> Iterator[str]:
    live = Counter(
        (document.account, document.dialect, document.application)
        for document in documents
        if isinstance(document, doc.Credential) and document.state == "active"
    )
    for (account, dialect, application), count in live.items():
        if count > LIVE_CREDENTIALS:
            owner = f"application {account}/{application}" if application else f"account {account!r}"
            yield f"{owner} has {count} live {dialect} credentials; {LIVE_CREDENTIALS} may live"


def _bad_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return ""
    return (
        "a name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
    )


def _bad_credential(credential: doc.Credential) -> str:
    for field in ("key", "secret"):
        value = getattr(credential, field)
        if not value or not value.isprintable() or value != value.strip():
            return f"its {field} must be printable text without spaces around it"
    return ""


def _bad_countries(account: doc.Account) -> str:
    known = {*phonenumbers.SUPPORTED_REGIONS, "*"}
    unknown = [country for country in (*account.countries, account.country or "*") if country not in known]
    return f"{unknown[0]!r} is not an ISO country code such as VN" if unknown else ""


def _bad_destinations(account: doc.Account) -> str:
    choices = [kind.value for kind in NumberType if kind is not NumberType.UNKNOWN]
    unknown = [destination for destination in account.destinations if destination not in choices]
    if not unknown:
        return ""
    return f"destinations has {unknown[0]!r}, which is no type of number; there are {', '.join(choices)}"


def _bad_windows(account: doc.Account) -> str:
    for window in account.windows or ():
        if window.seconds < 1 or window.limit < 0:
            return "a window needs at least one second, and a limit that is not negative"
    return ""


def _bad_total(carrier: doc.Carrier) -> str:
    if carrier.seats < 0 or carrier.per_second < 0:
        return "seats and per_second must not be negative"
    if carrier.per_second and not carrier.seats:
        return "per_second is shared out with the seats: name how many seats (binds, calls at once) there are"
    return ""


def _bad_rate(rate: doc.Rate) -> str:
    if not _PREFIX.fullmatch(rate.prefix):
        return _not_a_prefix(rate.prefix)
    if rate.period < 1:
        return "a period has at least one second"
    try:
        price = parse_amount(rate.price)
    except ValueError as error:
        return str(error)
    return "a price must not be negative" if price < 0 else ""


def _not_a_prefix(text: str) -> str:
    return f'{text!r} is not a prefix such as "+84", or "+" for every number'
