"""Texts of several parts: a user data header (3GPP TS 23.040 §9.2.3.24), SAR TLVs (3.4 §5.3.2.22 to 24), or all of it
in message_payload (3.4 §5.3.2.32).
"""

import enum
import struct
from collections.abc import Hashable

import msgspec

from onema.domain.values.sms_text import split
from onema.protocols.smpp import tlvs as t
from onema.protocols.smpp.pdus import UDHI, DataSm, ShortMessage
from onema.protocols.smpp.texts import DATA_CODING_DEFAULT, Alphabet, plain_octets, write_text

_CONCATENATED_8 = 0x00
_CONCATENATED_16 = 0x08


class Concatenation(enum.Enum):
    """How parts of one text say so."""

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"


class OutgoingPart(msgspec.Struct, frozen=True, gc=False):
    """What one submit_sm carries: `esm_class` is to be added to the carrier's, `tlvs` are octets."""

    esm_class: int
    data_coding: int
    octets: bytes
    tlvs: bytes = b""

    def __repr__(self) -> str:
        """Without the text."""
        return f"<OutgoingPart of {len(self.octets)} octets>"


class DoesNotFit(ValueError):
    """The text cannot be sent in as many parts as it is priced."""


def outgoing_parts(
    text: str,
    *,
    reference: int,
    concatenation: Concatenation = Concatenation.UDH,
    smsc_default: Alphabet = Alphabet.GSM,
) -> list[OutgoingPart]:
    """The parts of `sms_text.split`, which are those that are priced. `reference` is 0 to 255: it tells this text's
    parts from another's to the same phone. Raises DoesNotFit where the SMSC's alphabet would take more of them; nothing
    is ever cut.
    """
    plain = plain_octets(text)
    if plain is not None and len(plain) <= _ROOM[True]:
        return [OutgoingPart(0, DATA_CODING_DEFAULT, plain)]
    pieces = split(text)
    if len(pieces) == 1:
        coding, octets = write_text(text, smsc_default)
        if len(octets) > _ROOM[coding == 0]:
            raise DoesNotFit("the SMSC's alphabet lacks letters of the text, which would take more segments")
        return [OutgoingPart(0, coding, octets)]
    written = [write_text(piece, smsc_default) for piece in pieces]
    coding = max(coding for coding, _ in written)
    if any(one != coding for one, _ in written):
        raise DoesNotFit("the SMSC's alphabet lacks letters of the text, which would take more segments")
    total = len(pieces)
    if total > 255:
        raise DoesNotFit(f"{total} segments")
    if concatenation is Concatenation.PAYLOAD:
        whole = b"".join(octets for _, octets in written)
        return [OutgoingPart(0, coding, b"", t.tlv(t.MESSAGE_PAYLOAD, whole))]
    if concatenation is Concatenation.SAR:
        return [
            OutgoingPart(0, coding, octets, _SAR(reference, total, number))
            for number, (_, octets) in enumerate(written, 1)
        ]
    return [
        OutgoingPart(UDHI, coding, bytes((5, _CONCATENATED_8, 3, reference, total, number)) + octets)
        for number, (_, octets) in enumerate(written, 1)
    ]


_ROOM = {True: 160, False: 140}
"""Octets of a text in one part: a GSM one has a septet in each (whole octets of Latin-1 are septets on the air)."""


def _SAR(reference: int, total: int, number: int) -> bytes:  # noqa: N802  # the specification's name
    return t.tlvs(
        (
            (t.SAR_MSG_REF_NUM, struct.pack(">H", reference)),
            (t.SAR_TOTAL_SEGMENTS, bytes((total,))),
            (t.SAR_SEGMENT_SEQNUM, bytes((number,))),
        )
    )


class IncomingPart(msgspec.Struct, frozen=True, gc=False):
    """A text's octets without its header, and which part of how many it is; `total` 1 is a whole text."""

    octets: bytes
    reference: int = 0
    total: int = 1
    number: int = 1

    def __repr__(self) -> str:
        """Without the text."""
        return f"<IncomingPart {self.number} of {self.total}>"


def incoming_part(message: ShortMessage | DataSm) -> IncomingPart:
    """By its header, else by its SAR TLVs. A header that is none is left in the text."""
    octets = message.octets
    if message.esm_class & UDHI and octets and octets[0] < len(octets):
        header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
        found = _in_header(header)
        if found is not None:
            return IncomingPart(octets, *found)
        return IncomingPart(octets)
    reference = t.find(message.tlvs, t.SAR_MSG_REF_NUM)
    total = t.find(message.tlvs, t.SAR_TOTAL_SEGMENTS)
    number = t.find(message.tlvs, t.SAR_SEGMENT_SEQNUM)
    if reference and total and number and 1 <= number[-1] <= total[-1]:
        return IncomingPart(octets, int.from_bytes(reference[:2], "big"), total[-1], number[-1])
    return IncomingPart(octets)


def _in_header(header: bytes) -> tuple[int, int, int] | None:
    """(reference, total, number) of the information element for concatenation, with 8 or 16 bits of reference."""
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        at += 2 + length
        if kind == _CONCATENATED_8 and len(value) == 3:
            reference, total, number = value
        elif kind == _CONCATENATED_16 and len(value) == 4:
            reference, (total, number) = value[0] << 8 | value[1], value[2:]
        else:
            continue
        if 1 <= number <= total:
            return reference, total, number
    return None


MOST_INCOMPLETE = 1_000
"""Texts of which some parts have not come; the oldest are forgotten first."""
INCOMPLETE_SECONDS = 600.0


class Joiner:
    """Joins parts that come one by one: their octets, before anybody reads them, since peers cut characters in two."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, tuple[float, int, dict[int, bytes]]] = {}
        """By whose and which: since when, of how many, and the parts that came. The oldest first."""

    def add(self, whose: Hashable, part: IncomingPart, now: float = 0.0) -> bytes | None:
        """All octets once the last part has come. `whose` tells senders and receivers apart."""
        if part.total == 1:
            return part.octets
        while self._begun:
            oldest = next(iter(self._begun))
            if self._begun[oldest][0] + INCOMPLETE_SECONDS > now and len(self._begun) < MOST_INCOMPLETE:
                break
            del self._begun[oldest]
        key = (whose, part.reference, part.total)
        _, total, parts = self._begun.setdefault(key, (now, part.total, {}))
        parts[part.number] = part.octets
        if len(parts) < total:
            return None
        del self._begun[key]
        return b"".join(parts[number] for number in range(1, total + 1))
