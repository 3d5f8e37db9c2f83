"""The phones of a request, one or several."""

from collections.abc import Sequence

from onema.dialects.esms.errors import TOO_MANY_PHONES, Rejected
from onema.domain.values.phone import Phone, parse_phone

HOME_COUNTRY = "VN"
MOST_PHONES = 500
"""Of one request: they are decided in one go. The vendor takes 5,000 of an advertisement."""


def phones_of(text: str, home: str) -> Sequence[Phone]:
    """Each once, in their order. Raises Rejected and Refused(PHONE_INVALID)."""
    if "," not in text:
        return (parse_phone(text, home, space_is_plus=True),)
    named = [each for each in text.split(",") if each.strip()]
    if len(named) > MOST_PHONES:
        raise Rejected(TOO_MANY_PHONES, "too_many_phones")
    # A text of commas alone is no phone.
    return tuple(dict.fromkeys(parse_phone(each, home, space_is_plus=True) for each in named or [""]))
