"""A text that its sender wrote whole, code and all: as a template sees it, and as it is sent."""

import re
from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import Send
from onema.domain.codes.brandname_text import allowed_text, text_keys
from onema.domain.codes.verification import MAX_LENGTH, MIN_LENGTH
from onema.domain.configuration.brandname_view import AllowedText, BrandnameView
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.message_template import CODE_MARKER, place_code
from onema.domain.configuration.template_matching import LONGEST_MESSAGE
from onema.domain.decision import World
from onema.domain.records import Key
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.sms_text import fold, segments
from onema.domain.values.written_form import text_form

_ONE_GROUP_WITH_DIGITS = re.compile(
    r"((?:[^0-9]*[^0-9A-Za-z])?)([A-Za-z]*[0-9][0-9A-Za-z]*)((?:[^0-9A-Za-z][^0-9]*)?)", re.DOTALL
)


def with_marker(text: str) -> tuple[str, str]:
    """(the text with {OTP} where it has a code, that code): where one group of letters and digits alone can be one.

    What changes from text to text is its code, so whether a template allows it is found out once. Otherwise the text as
    it is, and "".
    """
    found = _ONE_GROUP_WITH_DIGITS.fullmatch(text)
    if found is None or CODE_MARKER in text:
        return text, ""
    before, code, after = found.groups()
    # What follows must not be a mark that a letter of the code is composed with.
    if not MIN_LENGTH <= len(code) <= MAX_LENGTH or not after[:1].isascii():
        return text, ""
    return before + CODE_MARKER + after, code


def own_text_keys(account: AccountView, brandname: str, text: str) -> Iterable[Key]:
    marked, code = with_marker(text)
    return text_keys(account, brandname, marked, len(code))


def allowed_own_text(
    send: Send, world: World, brandname: BrandnameView, text: str, folded: bool | None
) -> AllowedText | None:
    """The text as it is sent under the brandname, and its segments; None for one that fits no template.

    `folded` says whether Vietnamese accents are sent as plain letters; None leaves it to the template.
    Raises Refused(RATE_LIMITED).
    """
    marked, code = with_marker(text)
    allowed = allowed_text(send, world, brandname, marked, len(code))
    if allowed is None and code:
        allowed = allowed_text(send, world, brandname, text, 0)
    elif allowed is not None and code:
        allowed = msgspec.structs.replace(allowed, text=place_code(allowed.text, code))
    if allowed is None or folded is None or folded is allowed.template.fold or text.isascii():
        return allowed
    sent = fold(allowed.text) if folded else text_form(text)
    return msgspec.structs.replace(allowed, text=sent, segments=segments(sent).count)


def any_text(text: str, folded: bool | None) -> tuple[str, int]:
    """A text that needs no template, as it is sent, and its segments. Accents are kept only where that was asked for.

    Raises Refused(TEXT_NOT_SENDABLE): empty, longer than any message, or with a marker for a code.
    """
    sent = text_form(text)
    if not sent or len(sent) > LONGEST_MESSAGE or CODE_MARKER in sent:
        raise Refused(Refusal.TEXT_NOT_SENDABLE, "empty, too long, or with {OTP} in it")
    if folded is not False:
        sent = fold(sent)
    return sent, segments(sent).count
