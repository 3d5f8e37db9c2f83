"""What kind of number a phone is, and which kinds each channel reaches.

A code that is spoken to a premium number pays whoever rents it, which is how verification is defrauded; nobody
receives a code on a toll-free or shared-cost number. Such kinds are refused unless an account names them.

phonenumbers decides the kind, but costs 27 us. As in phone.py the everyday numbers, mobiles, are recognised by one
compiled pattern per region, which only ever says yes.
"""

import enum
import functools
import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata

from onema.domain.records import Channel
from onema.domain.values.phone import Phone, country_of


class NumberType(enum.StrEnum):
    """The names of libphonenumber's types."""

    MOBILE = "mobile"
    FIXED_LINE_OR_MOBILE = "fixed_line_or_mobile"
    """Where the numbers themselves do not tell, as in the United States."""
    FIXED_LINE = "fixed_line"
    TOLL_FREE = "toll_free"
    PREMIUM_RATE = "premium_rate"
    SHARED_COST = "shared_cost"
    VOIP = "voip"
    PERSONAL_NUMBER = "personal_number"
    PAGER = "pager"
    UAN = "uan"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"
    """What is no valid number, which parse_phone has refused before."""


REACHED: dict[Channel, frozenset[NumberType]] = {
    Channel.SMS: frozenset((NumberType.MOBILE, NumberType.FIXED_LINE_OR_MOBILE)),
    Channel.CALL: frozenset((NumberType.MOBILE, NumberType.FIXED_LINE_OR_MOBILE, NumberType.FIXED_LINE)),
}
"""What an account may send to that names no `destinations`."""

_NOTHING = re.compile(r"(?!)")
_TYPES = {getattr(phonenumbers.PhoneNumberType, number_type.name): number_type for number_type in NumberType}


def number_type(phone: Phone, country: str) -> NumberType:
    """The type of a valid E.164 number, whose country (`phone.country_of`) is known already."""
    if _only_mobile(country).fullmatch(phone):
        return NumberType.MOBILE
    return _type_by_phonenumbers(phone)


def is_landline(phone: Phone) -> bool:
    return number_type(phone, country_of(phone)) is NumberType.FIXED_LINE


@functools.lru_cache(maxsize=20_000)
def _type_by_phonenumbers(phone: Phone) -> NumberType:
    try:
        number = phonenumbers.parse(phone, None)
    except NumberParseException:
        return NumberType.UNKNOWN
    return _TYPES[phonenumbers.number_type(number)]


@functools.lru_cache(maxsize=1_000)
def _only_mobile(country: str) -> re.Pattern[str]:
    """E.164 numbers of the region that phonenumbers calls mobile: it asks for every other type first, and calls
    what is mobile and fixed alike something else (_number_type_helper; 9.0).
    """
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if metadata is None or metadata.general_desc is None or metadata.mobile is None:
        return _NOTHING
    others = (
        metadata.premium_rate,
        metadata.toll_free,
        metadata.shared_cost,
        metadata.voip,
        metadata.personal_number,
        metadata.pager,
        metadata.uan,
        metadata.voicemail,
        metadata.fixed_line,
    )
    patterns = [other.national_number_pattern for other in others if other and other.national_number_pattern]
    general, mobile = metadata.general_desc.national_number_pattern, metadata.mobile.national_number_pattern
    if not general or not mobile:
        return _NOTHING
    lengths = metadata.mobile.possible_length or metadata.general_desc.possible_length
    length = "|".join(rf"\d{{{length}}}" for length in lengths)
    other = "|".join(patterns) or _NOTHING.pattern
    return re.compile(
        rf"\+{metadata.country_code}(?=(?:{length})\Z)(?=(?:{general})\Z)(?!(?:{other})\Z)(?:{mobile})",
        re.ASCII,
    )
