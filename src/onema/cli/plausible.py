"""Values that fit their field's type but that nobody means. Said before anything is stored."""

import re
from pathlib import Path

import onema
from onema.cli.output import CliError
from onema.domain import documents as doc

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = re.compile(r"\+[0-9]{0,15}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


def refuse_implausible(document: doc.Document) -> None:
    """Raises CliError."""
    problem = _problem(document)
    if problem:
        raise CliError(f"{document.kind} {document.identity!r}: {problem}.")


def _problem(document: doc.Document) -> str:
    match document:
        case doc.Account():
            return _bad_name(document.name) or _bad_countries(document) or _bad_windows(document)
        case doc.Application() | doc.Tariff() | doc.HotlinePool() | doc.User() if _bad_name(document.name):
            return _bad_name(document.name)
        case doc.Tariff():
            return next((problem for rate in document.rates if (problem := _bad_rate(rate))), "")
        case doc.Credential():
            return _bad_word("dialect", document.dialect, folders_in("dialects")) or _bad_credential(document)
        case doc.Carrier():
            return _bad_name(document.name) or _bad_word("type", document.type, folders_in("channels"))
        case doc.Route() if not _PREFIX.fullmatch(document.prefix):
            return _not_a_prefix(document.prefix)
        case doc.Hotline() if not _NUMBER.fullmatch(document.number):
            return f"{document.number!r} is not a number"
        case doc.Hotline() if document.daily_cap < 0:
            return "daily_cap must not be negative"
        case _:
            return ""


def folders_in(package: str) -> tuple[str, ...]:
    """The dialects or channels of this installation: each is a folder with code."""
    root = Path(onema.__file__).parent / package
    return tuple(
        sorted(folder.name for folder in root.iterdir() if folder.is_dir() and any(folder.glob("*.py")))
    )


def _bad_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return ""
    return (
        "a name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
    )


def _bad_word(field: str, word: str, known: tuple[str, ...]) -> str:
    return (
        "" if not known or word in known else f"there is no {field} {word!r}; there are: {', '.join(known)}"
    )


def _bad_credential(credential: doc.Credential) -> str:
    for field in ("key", "secret"):
        value = getattr(credential, field)
        if not value or not value.isprintable() or value != value.strip():
            return f"its {field} must be printable text without spaces around it"
    return ""


def _bad_countries(account: doc.Account) -> str:
    import phonenumbers

    known = {*phonenumbers.SUPPORTED_REGIONS, "*"}
    unknown = [country for country in (*account.countries, account.country or "*") if country not in known]
    return f"{unknown[0]!r} is not an ISO country code such as VN" if unknown else ""


def _bad_windows(account: doc.Account) -> str:
    for window in account.windows or ():
        if window.seconds < 1 or window.limit < 0:
            return "a window needs at least one second, and a limit that is not negative"
    return ""


def _bad_rate(rate: doc.Rate) -> str:
    from onema.domain.money import parse_amount

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
