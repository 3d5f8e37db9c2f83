"""Phone numbers: what integrators write, and the one E.164 spelling that we keep.

phonenumbers decides which numbers are valid, but a parse costs it 27 us. The everyday spellings of a mobile
number are therefore recognised by one compiled pattern per region, made from phonenumbers' own metadata. The
pattern only ever says yes; whatever it does not know is left to phonenumbers.
"""

import functools
import re
from typing import NewType

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, PhoneNumberFormat

from onema.domain.refusals import Refusal, Refused
from onema.domain.values.written_form import number_form

Phone = NewType("Phone", str)
"""A valid number in E.164, such as "+84901888484"."""

UNKNOWN_COUNTRY = "ZZ"

_LONGEST_SPELLING = 32
_DIGITS = re.compile(r"\+?[0-9]+")
_NOTHING = r"(?!)"

_REGION_OF_PREFIX = {
    f"+{calling_code}": regions[0]
    for calling_code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
    if len(regions) == 1
}


def parse_phone(raw: str, country: str, *, space_is_plus: bool = False) -> Phone:
    """The number that `raw` spells, where national numbers belong to `country` (ISO region, upper case).

    Accepts national numbers (mobile, or landline with its area code), the country code of `country` with or
    without "+", any country's with "+" or with the international prefix of `country` (00), and white space,
    dots, dashes and brackets anywhere. Letters, extensions and digits of other scripts are refused.

    `space_is_plus` is for text out of a query or a form: a "+" that its client did not encode arrives there as a
    space, and what was written "+376312345" must not be read as a national number. Without it a leading space
    is only refused where the two readings are two valid numbers.

    Raises Refused(PHONE_INVALID).
    """
    if len(raw) > _LONGEST_SPELLING:
        raise Refused(Refusal.PHONE_INVALID, f"longer than {_LONGEST_SPELLING} characters")
    prefix, pattern = _everyday_mobile(country)
    match = pattern.fullmatch(raw)
    if match is not None:
        return Phone(prefix + match["nsn"])
    if (phone := _everyday_abroad(raw)) is not None:
        return phone
    spelled = number_form(raw)
    digits = spelled.lstrip(" ")
    if spelled == digits or digits.startswith(("+", "0")):
        # No calling code begins with 0: that space was never a plus.
        phone = _parse_digits(digits, country)
    elif space_is_plus:
        phone = _parse_digits(f"+{digits}", country)
    else:
        phone = _parse_after_space(digits, country)
    if phone is None:
        raise Refused(Refusal.PHONE_INVALID, f"not a valid number in {country}: {mask(digits)}")
    return phone


def country_of(phone: Phone) -> str:
    """The ISO region of a valid E.164 number; "001" for numbers of no country (+800), "ZZ" when unknown."""
    return _region_of(phone) or _country_by_whole_number(phone)


def _region_of(international: str) -> str | None:
    """The region whose calling code it begins with; None where several share that."""
    # Calling codes are prefix-free (ITU-T E.164), so at most one of the three can be found.
    region = _REGION_OF_PREFIX.get
    return region(international[:3]) or region(international[:4]) or region(international[:2])


def mask(text: str) -> str:
    """A number for logs: "+84901888484" is "+84****484".

    Safe for any text, also one that is no number: shows at most the first 4 and the last 3 characters,
    together at most half of them, hides how many are left out, and shows none that could break a log line.
    """
    shown = len(text) // 2
    tail = min(3, len(text) // 4)
    head = min(4, shown - tail)
    return f"{_printable(text[:head])}****{_printable(text[len(text) - tail :])}"


def _printable(text: str) -> str:
    return text if text.isascii() and text.isprintable() else "?" * len(text)


def _parse_digits(digits: str, country: str) -> Phone | None:
    prefix, pattern = _everyday_mobile(country)
    match = pattern.fullmatch(digits)
    if match is not None:
        return Phone(prefix + match["nsn"])
    if (phone := _everyday_abroad(digits)) is not None:
        return phone
    return _parse_anything(digits, country) if _DIGITS.fullmatch(digits) else None


def _everyday_abroad(digits: str) -> Phone | None:
    """What begins with a plus is the same number in every country."""
    region = _region_of(digits) if digits.startswith("+") else None
    if region is None:
        return None
    prefix, pattern = _everyday_mobile(region)
    match = pattern.fullmatch(digits)
    return Phone(prefix + match["nsn"]) if match is not None else None


def _parse_after_space(digits: str, country: str) -> Phone | None:
    """A stray space, or a plus that somebody's query string lost before: None where it could be either."""
    national, abroad = _parse_digits(digits, country), _parse_digits(f"+{digits}", country)
    if national and abroad and national != abroad:
        return None
    return national or abroad


@functools.lru_cache(maxsize=20_000)
def _parse_anything(digits: str, country: str) -> Phone | None:
    try:
        number = phonenumbers.parse(digits, country)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164))


@functools.lru_cache(maxsize=20_000)
def _country_by_whole_number(phone: Phone) -> str:
    """For calling codes that several countries share, such as +1, +7 and +44."""
    try:
        number = phonenumbers.parse(phone, None)
    except NumberParseException:
        return UNKNOWN_COUNTRY
    return phonenumbers.region_code_for_number(number) or UNKNOWN_COUNTRY


@functools.lru_cache(maxsize=1_000)
def _everyday_mobile(country: str) -> tuple[str, re.Pattern[str]]:
    """("+84", pattern): the spellings of a mobile number on which phonenumbers' answer is certain.

    Each alternative repeats the conditions under which phonenumbers.parse takes that way and no other
    (_maybe_extract_country_code, _maybe_strip_national_prefix_carrier_code, _number_type_helper; 9.0).
    Metadata patterns say `\\d`, which must not mean the digits of other scripts: hence re.ASCII.
    """
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if (
        metadata is None
        or metadata.country_code is None
        or len(COUNTRY_CODE_TO_REGION_CODE[metadata.country_code]) > 1
        or metadata.national_prefix_transform_rule
        or metadata.general_desc is None
        or metadata.mobile is None
    ):
        return "", re.compile(_NOTHING)
    code = str(metadata.country_code)
    general = metadata.general_desc.national_number_pattern or _NOTHING
    mobile = metadata.mobile.national_number_pattern or _NOTHING
    trunk = metadata.national_prefix_for_parsing or _NOTHING
    abroad = metadata.international_prefix or _NOTHING
    lengths = set(metadata.general_desc.possible_length)
    if metadata.mobile.possible_length:
        lengths &= set(metadata.mobile.possible_length)
    length = "|".join(rf"\d{{{length}}}" for length in sorted(lengths)) or _NOTHING
    beginnings = (
        rf"(?!{abroad})(?=(?>{trunk})(?<=\A0))0",
        rf"\+{code}",
        rf"(?!{abroad})(?!(?:{general})\Z){code}",
        rf"(?=(?>{abroad})(?<=\A00))00{code}",
        rf"(?!{abroad})",
    )
    nsn = rf"(?!{trunk})(?=(?:{length})\Z)(?=(?:{general})\Z)(?:{mobile})"
    return f"+{code}", re.compile(f"(?:{'|'.join(beginnings)})(?P<nsn>{nsn})", re.ASCII)
