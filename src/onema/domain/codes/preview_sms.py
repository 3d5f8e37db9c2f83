"""A text as it would be sent, and what it would cost: for whoever writes texts."""

import re

import msgspec

from onema.domain.codes.verification import MAX_LENGTH, MIN_LENGTH
from onema.domain.configuration.directory import AccountView, Directory
from onema.domain.configuration.message_template import CODE_MARKER, place_code
from onema.domain.configuration.registered import SIGNATURE
from onema.domain.configuration.template_matching import LONGEST_MESSAGE
from onema.domain.records import Channel
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.last_line import with_last_line
from onema.domain.values.money import Minor, format_amount
from onema.domain.values.phone import UNKNOWN_COUNTRY, Phone, parse_phone
from onema.domain.values.signature import signature_in, signed
from onema.domain.values.sms_preview import TextPreview, preview_text
from onema.domain.values.sms_sender import sender_kind, sender_problem
from onema.domain.values.written_form import number_form, text_form

_BEGINNING = re.compile(r"\+[0-9]{1,15}")
CODE_LENGTH = 6
SHORTEST_CODE, LONGEST_CODE = MIN_LENGTH, MAX_LENGTH


class Price(msgspec.Struct, frozen=True):
    """Amounts are decimal. `folded` is what the folded text would cost, where folding changes it."""

    currency: str
    segment: str
    total: str
    folded: str | None = None


class SenderView(msgspec.Struct, frozen=True):
    """`problem` is why no network takes it, `brandname` whether the account has it: active, inactive, expired or
    unknown; None where nobody asks for an account, or numbers are no brandnames.
    """

    sender: str
    kind: str
    problem: str
    brandname: str | None


class SmsPreview(msgspec.Struct, frozen=True):
    """`price` and `sender` are None where they were not asked for. `notes` are sentences for people."""

    preview: TextPreview
    price: Price | None
    sender: SenderView | None
    notes: tuple[str, ...]


class Customer(msgspec.Struct, frozen=True):
    """For whose account a text is looked at, at what time."""

    directory: Directory
    account: AccountView
    now: int


def preview_sms(
    text: str,
    *,
    code_length: int = CODE_LENGTH,
    sender: str = "",
    to: str = "",
    customer: Customer | None = None,
    last_line: str = "",
) -> SmsPreview:
    """`to` is a phone in E.164 or the beginning of one, such as "+84"; without a customer nothing has a price.
    `last_line` is that of values/last_line.py, with its marker.

    Raises Refused(TEXT_NOT_SENDABLE) for a text that is longer than any template takes, and Refused(PRICE_MISSING).
    """
    if len(text) > LONGEST_MESSAGE:
        raise Refused(Refusal.TEXT_NOT_SENDABLE, f"a text has at most {LONGEST_MESSAGE} characters")
    sent = text_form(text)
    notes = []
    if sent != text:
        notes.append("It is sent in its plain form: composed letters, single spaces, nothing invisible.")
    if CODE_MARKER in sent:
        sent = place_code(sent, "0" * code_length)
        notes.append(f"{CODE_MARKER} counts as a code of {code_length} digits.")
    signature = _signature(customer, sender, to) if not signature_in(sent) else ""
    if signature:
        sent = signed(sent, signature, behind=_signs_behind(customer, sender))
        notes.append("The signature that is registered for this destination is added.")
    if last_line:
        sent = with_last_line(sent, place_code(last_line, "0" * code_length))
        notes.append("The last line lets a phone fill the code in; nothing may follow it.")
    preview = preview_text(sent)
    if last_line and CODE_MARKER not in last_line and preview.segments > 1:
        notes.append("Android's SMS Retriever reads a text of one segment alone.")
    price = _price(preview, customer, to) if customer is not None and to else None
    judged = _judged(sender, customer) if sender else None
    return SmsPreview(preview, price, judged, (*notes, *_notes(preview)))


def destination_of(written: str, account: AccountView) -> str:
    """A phone, or with its "+" the beginning of one; national numbers are the account's country's.

    Raises Refused(PHONE_INVALID).
    """
    digits = number_form(written).strip()
    if _BEGINNING.fullmatch(digits):
        return digits
    return parse_phone(written, account.country or UNKNOWN_COUNTRY)


def _notes(preview: TextPreview) -> list[str]:
    notes = []
    if len(preview.outsiders) == 1:
        (one,) = preview.outsiders
        fewer = preview.segments - preview.gsm_segments
        name = f"{one.code_point} {one.name}".strip()
        effect = (
            f"without it the text would take {_segments(preview.gsm_segments)} instead of {preview.segments}"
            if fewer
            else "it takes no more segments for it"
        )
        notes.append(f"A single character is outside the GSM alphabet, {name}: {effect}.")
    if preview.cuts_cluster:
        notes.append(
            "A segment ends within characters that a zero-width joiner makes one. Some vendors keep these together, "
            "and show more segments."
        )
    return notes


def _segments(count: int) -> str:
    return f"{count} segment{'' if count == 1 else 's'}"


def _price(preview: TextPreview, customer: Customer, to: str) -> Price:
    unit, _ = customer.directory.rate(customer.account, Channel.SMS, Phone(to))
    folded = preview.folded
    return Price(
        currency=customer.account.document.currency,
        segment=format_amount(unit),
        total=format_amount(Minor(unit * preview.segments)),
        folded=format_amount(Minor(unit * folded.segments)) if folded else None,
    )


def _judged(sender: str, customer: Customer | None) -> SenderView:
    kind, state = sender_kind(sender), None
    if customer is not None:
        found = customer.account.brandnames.get(sender)
        if found is None:
            state = "unknown"
        elif not found.active:
            state = "inactive"
        else:
            state = "expired" if found.expires_at and customer.now >= found.expires_at else "active"
    return SenderView(sender, kind.value, sender_problem(sender), state)


def _signature(customer: Customer | None, sender: str, to: str) -> str:
    """What a text to there is signed with (text_to_send.py)."""
    found = customer.account.brandnames.get(sender) if customer is not None else None
    if customer is None or found is None or not to.startswith(found.sign_to):
        return ""
    return customer.account.facts("", found).get(SIGNATURE, "")


def _signs_behind(customer: Customer | None, sender: str) -> bool:
    return customer is not None and customer.account.brandnames[sender].signs_behind
