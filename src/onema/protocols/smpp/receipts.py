"""Delivery receipts: what an SMSC reports of a message, in the text, in TLVs, or in both (3.4 §2.11, Appendix B).

Ids stay octets, and `err` a text: vendors write letters in it. Where text and TLVs disagree the TLVs are taken, as
Kannel and Jasmin do, and the report says so.
"""

import enum
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from onema.domain.values.sms_text import GSM_DEFAULT, GSM_EXTENSION
from onema.protocols.smpp import tlvs as t
from onema.protocols.smpp.parts import incoming_part
from onema.protocols.smpp.pdus import DataSm, ShortMessage
from onema.protocols.smpp.texts import Alphabet, alphabet_of, read_text

# esm_class, bits 5 to 2 (3.4 §5.2.12).
MESSAGE_TYPE = 0x3C
SMSC_RECEIPT = 0x04
INTERMEDIATE = 0x20

LONGEST_ID = 255


class MessageState(enum.Enum):
    """message_state (3.4 §5.2.28; SCHEDULED and SKIPPED are 5.0 §4.7.15), by the words of receipts."""

    SCHEDULED = "SCHEDLD"
    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVRD"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIV"
    ACCEPTED = "ACCEPTD"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTD"
    SKIPPED = "SKIPPED"


STATES: Mapping[int, MessageState] = {
    0: MessageState.SCHEDULED,
    1: MessageState.ENROUTE,
    2: MessageState.DELIVERED,
    3: MessageState.EXPIRED,
    4: MessageState.DELETED,
    5: MessageState.UNDELIVERABLE,
    6: MessageState.ACCEPTED,
    7: MessageState.UNKNOWN,
    8: MessageState.REJECTED,
    9: MessageState.SKIPPED,
}
"""By number, as the TLV message_state has them."""
NUMBERS: Mapping[MessageState, int] = {state: number for number, state in STATES.items()}

# By first letters, in any case: peers write DELIVERED, UNDELIVERABLE and shorter ones too.
_WORDS = {
    "DELIV": MessageState.DELIVERED,
    "EXPIR": MessageState.EXPIRED,
    "DELET": MessageState.DELETED,
    "UNDEL": MessageState.UNDELIVERABLE,
    "FAILE": MessageState.UNDELIVERABLE,
    "ACCEP": MessageState.ACCEPTED,
    "UNKNO": MessageState.UNKNOWN,
    "REJEC": MessageState.REJECTED,
    "ENROU": MessageState.ENROUTE,
    "SCHED": MessageState.SCHEDULED,
    "SKIPP": MessageState.SKIPPED,
}
_LETTERS = 5


class DeliveryReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says. `message_id` is empty where it names none; `word` is its own word for the state, and `state`
    is UNKNOWN for a word that is not known.

    `is_intermediate`: a word on the way, whatever it says. `network_error` is the TLV network_error_code: the
    type of network and the error (3.4 §5.3.2.31). `disagreement` says what text and TLVs say differently.
    """

    message_id: bytes
    state: MessageState
    word: str = ""
    err: str = ""
    is_intermediate: bool = False
    network_error: tuple[int, int] | None = None
    submit_date: str = ""
    done_date: str = ""
    tlvs: t.Tlvs = ()
    disagreement: str = ""


class _FromText(msgspec.Struct, frozen=True, gc=False):
    message_id: bytes
    word: str
    err: str
    submit_date: str
    done_date: str


def is_report(message: ShortMessage | DataSm, *, plain_too: bool = False) -> bool:
    """Whether it is a report and no text from a phone: by its esm_class, or by TLVs that no phone can write. With
    `plain_too` a text that looks like a receipt is one under esm_class 0 too: only for an SMSC that sends
    them so, since whoever has a phone could write one.
    """
    kind = message.esm_class & MESSAGE_TYPE
    if kind in (SMSC_RECEIPT, INTERMEDIATE):
        return True
    if kind:
        return False
    if t.find(message.tlvs, t.RECEIPTED_MESSAGE_ID) and t.find(message.tlvs, t.MESSAGE_STATE):
        return True
    return plain_too and _from_text(_text_of(message)) is not None


def read_receipt(message: ShortMessage | DataSm) -> DeliveryReceipt:
    """What a report (`is_report`) says, however little that is. Never raises."""
    text = _from_text(_text_of(message))
    tlv_id = (t.find(message.tlvs, t.RECEIPTED_MESSAGE_ID) or b"").rstrip(b"\0")
    tlv_state = t.find(message.tlvs, t.MESSAGE_STATE)
    message_id = tlv_id or (text.message_id if text else b"")
    word = text.word if text else ""
    state = state_of(word)
    disagreement = ""
    if text and tlv_id and text.message_id and text.message_id != tlv_id:
        disagreement = "another id in the text"
    if tlv_state:
        from_tlv = STATES.get(tlv_state[0], MessageState.UNKNOWN)
        if word and from_tlv is not state:
            disagreement = f"{word} in the text, {from_tlv.value} in the TLV"
        state, word = from_tlv, from_tlv.value if not word or disagreement else word
    return DeliveryReceipt(
        message_id=message_id[:LONGEST_ID],
        state=state,
        word=word,
        err=text.err if text else "",
        is_intermediate=message.esm_class & MESSAGE_TYPE == INTERMEDIATE,
        network_error=_network_error(t.find(message.tlvs, t.NETWORK_ERROR_CODE)),
        submit_date=text.submit_date if text else "",
        done_date=text.done_date if text else "",
        tlvs=message.tlvs,
        disagreement=disagreement,
    )


def state_of(word: str) -> MessageState:
    """By the first letters of a receipt's word; UNKNOWN for one that is not known."""
    return _WORDS.get(word[:_LETTERS].upper(), MessageState.UNKNOWN)


# Values end at white space only: ids have '.', '/', ':', '@', '-' and '_'. A blank may follow the colon; what then
# looks like the next key is that. Other control characters are no white space: in the GSM alphabet '@' is NUL.
_BLANK = r"[ \t\r\n]"
_KEYS = "id:|sub:|dlvrd:|submit date:|done date:|stat:|err:|text:"
_FIELD = re.compile(
    rf"(?:^|(?<={_BLANK}))(id|submit date|done date|stat|err):{_BLANK}*(?!{_KEYS})([^ \t\r\n]+)",
    re.IGNORECASE,
)
_TEXT = re.compile(rf"(?:^|(?<={_BLANK}))text:", re.IGNORECASE)
_LONGEST_REPORT = 1_024


def _from_text(text: str) -> _FromText | None:
    """None for a text without id and state. What stands behind `text:` is the message, of which a stranger may have
    written anything.
    """
    text = text[:_LONGEST_REPORT]
    tail = _TEXT.search(text)
    found: dict[str, str] = {}
    for key, value in _FIELD.findall(text[: tail.start()] if tail else text):
        found.setdefault(key.lower(), value)
    if "id" not in found and "stat" not in found:
        return None
    return _FromText(
        found.get("id", "").encode("latin-1", "replace"),
        found.get("stat", ""),
        found.get("err", ""),
        found.get("submit date", ""),
        found.get("done date", ""),
    )


def _text_of(message: ShortMessage | DataSm) -> str:
    """The text with its id's octets as they stand there: the letters of keys are the same in all but UCS-2."""
    octets = incoming_part(message).octets
    alphabet = alphabet_of(message.data_coding)
    if alphabet is Alphabet.UCS2:
        return read_text(octets, alphabet)
    return octets.decode("latin-1")


def without_gsm(message_id: bytes) -> bytes:
    """An id whose octets say the same whether its text went through the GSM alphabet or not: node-smpp answers `a_b` in
    ASCII, and its receipts have 0x11 for the `_`. Control octets, which stand in no id, become the letters that
    they are there ('@' is 0x00); all others stay. To be done to both ids before they are compared.
    """
    if message_id.isalnum():
        return message_id
    for pair, letter in _ESCAPED:
        message_id = message_id.replace(pair, letter)
    return message_id.translate(_GSM_CONTROLS)


_ESCAPED = tuple(
    (bytes((0x1B, septet)), character.encode())
    for character, septet in GSM_EXTENSION.items()
    if character.isascii() and character.isprintable()
)
_GSM_CONTROLS = bytes(
    ord(GSM_DEFAULT[octet]) if octet < 0x20 and GSM_DEFAULT[octet] in "@$_" else octet for octet in range(256)
)


def _network_error(value: bytes | None) -> tuple[int, int] | None:
    """The type of network, and two octets of error."""
    return (value[0], value[1] << 8 | value[2]) if value is not None and len(value) == 3 else None


_DATE = "%y%m%d%H%M"


def receipt_text(
    message_id: str,
    state: MessageState,
    *,
    submitted: datetime,
    done: datetime,
    err: str = "000",
    text: str = "",
    seconds: bool = False,
) -> str:
    """A report's text as most SMSCs write it (Appendix B); `seconds` for dates of twelve digits."""
    form = _DATE + ("%S" if seconds else "")
    delivered = int(state is MessageState.DELIVERED)
    return (
        f"id:{message_id} sub:001 dlvrd:{delivered:03} submit date:{submitted:{form}} done date:{done:{form}} "
        f"stat:{state.value} err:{err} text:{text[:20]}"
    )
