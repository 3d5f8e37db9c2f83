"""What a simulated SMSC reports of a message (3.4 Appendix B), in the forms that real ones have."""

from datetime import UTC, datetime

import msgspec

from onema.domain.values.sms_text import gsm_octets
from onema.protocols.smpp import commands as c
from onema.protocols.smpp import tlvs as t
from onema.protocols.smpp.pdus import Address, DataSm, ShortMessage
from onema.testing.smsc.script import Reaction

# 3.4 §5.2.28, by the first letters of the words in Appendix B.
_STATES = {"ENRO": 1, "DELI": 2, "EXPI": 3, "DELE": 4, "UNDE": 5, "ACCE": 6, "UNKN": 7, "REJE": 8}
_UNKNOWN = 7
_DELIVERED = 2
_CODINGS = {"ascii": 3, "gsm": 0, "ucs2": 8}
_DATES = {"minutes": "%y%m%d%H%M", "seconds": "%y%m%d%H%M%S"}
_TEXT_LENGTH = 20


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """One that is to be sent: its PDU, and the id that its message has in it."""

    command: int
    body: bytes
    message_id: str
    tries: int = 0


def state_of(word: str) -> int:
    """message_state of a receipt's word, however it is spelled."""
    return _STATES.get(word.upper()[:4], _UNKNOWN)


def delivers(word: str) -> bool:
    """Whether the phone has the message: also where no receipt comes."""
    return not word or state_of(word) == _DELIVERED


def receipt(
    reaction: Reaction,
    word: str,
    message_id: str,
    submit: ShortMessage | DataSm,
    text: str,
    submitted_at: float,
    now: float,
) -> Receipt:
    command = c.DELIVER_SM if reaction.receipt_by == "deliver_sm" else c.DATA_SM
    if reaction.receipt_octets:
        return Receipt(command, bytes.fromhex(reaction.receipt_octets), message_id)
    words = (
        "" if reaction.receipt_in == "tlv" else _words(reaction, word, message_id, text, submitted_at, now)
    )
    octets = _octets(reaction, words)
    tlvs: t.Tlvs = ()
    if reaction.receipt_in != "text":
        tlvs = (
            (t.RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            (t.MESSAGE_STATE, bytes((state_of(word),))),
        )
    tlvs += tuple((tlv.tag, tlv.value) for tlv in reaction.receipt_tlvs)
    coding = _CODINGS[reaction.receipt_alphabet] if words else 0
    # What was the destination reports, to whoever sent (3.4 §4.6.1).
    source, destination = submit.destination, submit.source
    body: ShortMessage | DataSm
    if command == c.DATA_SM:
        payload = ((t.MESSAGE_PAYLOAD, octets),) if octets else ()
        body = DataSm(
            source=source,
            destination=destination,
            esm_class=reaction.receipt_esm_class,
            data_coding=coding,
            tlvs=(*payload, *tlvs),
        )
    else:
        body = ShortMessage(
            source=source,
            destination=destination,
            esm_class=reaction.receipt_esm_class,
            data_coding=coding,
            short_message=octets,
            tlvs=tlvs,
        )
    return Receipt(command, body.encode(), message_id)


def incoming(sender: str, to: str, octets: bytes, data_coding: int) -> Receipt:
    """A text that a phone sends to the ESME."""
    message = ShortMessage(
        source=Address(1, 1, sender.lstrip("+").encode()),
        destination=Address(0, 1, to.encode()),
        data_coding=data_coding,
        short_message=octets,
    )
    return Receipt(c.DELIVER_SM, message.encode(), "")


def _words(reaction: Reaction, word: str, message_id: str, text: str, submitted_at: float, now: float) -> str:
    submitted, done = (
        datetime.fromtimestamp(at, UTC).strftime(_DATES[reaction.receipt_dates]) for at in (submitted_at, now)
    )
    delivered = int(state_of(word) == _DELIVERED)
    begins = text[:_TEXT_LENGTH].encode("ascii", "replace").decode()
    return (
        f"id:{message_id} sub:001 dlvrd:{delivered:03} submit date:{submitted} done date:{done} "
        f"stat:{word} err:{reaction.receipt_error} text:{begins}"
    )


def _octets(reaction: Reaction, words: str) -> bytes:
    if reaction.receipt_alphabet == "gsm":
        return gsm_octets(words.replace("`", "'"))
    return words.encode("utf-16-be" if reaction.receipt_alphabet == "ucs2" else "latin-1")
