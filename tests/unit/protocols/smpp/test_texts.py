"""data_coding, alphabets and parts (SMPP 3.4 §5.2.19, 3GPP TS 23.038 and 23.040)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onema.domain.values.sms_text import GSM_DEFAULT, GSM_EXTENSION, gsm_octets, segments
from onema.protocols.smpp import tlvs
from onema.protocols.smpp.parts import (
    INCOMPLETE_SECONDS,
    MOST_INCOMPLETE,
    Concatenation,
    DoesNotFit,
    IncomingPart,
    Joiner,
    OutgoingPart,
    incoming_part,
    outgoing_parts,
)
from onema.protocols.smpp.pdus import UDHI, ShortMessage
from onema.protocols.smpp.texts import Alphabet, alphabet_of, plain_octets, read_gsm, read_text, write_text

gsm_texts = st.text(alphabet=sorted({*GSM_DEFAULT, *GSM_EXTENSION} - {"\x1b"}), max_size=600)
any_texts = st.text(st.characters(codec="utf-8"), max_size=300) | gsm_texts


@pytest.mark.parametrize(
    ("data_coding", "alphabet"),
    [
        (0x00, Alphabet.SMSC_DEFAULT),
        (0x01, Alphabet.ASCII),
        (0x03, Alphabet.LATIN1),
        (0x04, Alphabet.BINARY),
        (0x08, Alphabet.UCS2),
        (0x10, Alphabet.GSM),
        (0x14, Alphabet.BINARY),
        (0x18, Alphabet.UCS2),
        (0x28, Alphabet.BINARY),
        (0x48, Alphabet.UCS2),
        (0xC8, Alphabet.GSM),
        (0xD0, Alphabet.GSM),
        (0xE0, Alphabet.UCS2),
        (0xE8, Alphabet.UCS2),
        (0xF0, Alphabet.GSM),
        (0xF4, Alphabet.BINARY),
        (0xF8, Alphabet.GSM),
        (0x90, Alphabet.GSM),
    ],
)
def test_data_coding_is_read_by_groups(data_coding: int, alphabet: Alphabet) -> None:
    """Not by its low four bits, by which node-smpp takes a voice mail's notice (0xC8) for UCS-2."""
    assert alphabet_of(data_coding) is alphabet


@given(gsm_texts)
def test_gsm_texts_come_back(text: str) -> None:
    """Extension letters too."""
    coding, octets = write_text(text)
    assert (coding, read_gsm(octets)) == (0, text)


@given(st.binary(max_size=40), st.sampled_from(Alphabet), st.sampled_from([Alphabet.GSM, Alphabet.LATIN1]))
def test_reading_never_fails(octets: bytes, alphabet: Alphabet, default: Alphabet) -> None:
    """Peers send anything."""
    assert isinstance(read_text(octets, alphabet, default), str)


def test_the_smsc_says_what_its_default_is() -> None:
    """GSM or Latin-1 for 0, and what a peer means by 1."""
    assert read_text(b"\x00", Alphabet.SMSC_DEFAULT) == "@"
    assert read_text(b"\xe9", Alphabet.SMSC_DEFAULT, Alphabet.LATIN1) == "é"
    assert write_text("é@", Alphabet.LATIN1) == (0, b"\xe9@")
    assert write_text("é@") == (0, b"\x05\x00")


@given(gsm_texts | st.text(st.characters(codec="ascii")))
@example("\x1b")
def test_a_plain_text_is_the_same_in_every_alphabet(text: str) -> None:
    """So that it need not be looked at letter by letter. The escape has a place in the alphabet, and is no letter."""
    octets = plain_octets(text)
    if octets is not None:
        assert write_text(text) == write_text(text, Alphabet.LATIN1) == (0, octets)
    else:
        assert (
            not text
            or set(text) - (set(GSM_DEFAULT) - {"\x1b"})
            or text.encode("latin-1", "replace") != gsm_octets(text)
        )


def test_gsm_texts_are_sent_as_0() -> None:
    """Never as 1, which is ASCII."""
    assert write_text("Your code is 482913")[0] == 0
    assert write_text("Mã của bạn")[0] == 8


@given(any_texts, st.sampled_from(Concatenation), st.sampled_from([Alphabet.GSM, Alphabet.LATIN1]))
def test_parts_joined_are_the_text(text: str, concatenation: Concatenation, default: Alphabet) -> None:
    """As many as are priced (one PDU of all with message_payload), each within its room, no pair cut."""
    try:
        parts = outgoing_parts(text, reference=7, concatenation=concatenation, smsc_default=default)
    except DoesNotFit:
        assert default is Alphabet.LATIN1
        return
    wanted = 1 if concatenation is Concatenation.PAYLOAD else segments(text).count
    assert len(parts) == wanted
    joiner = Joiner()
    octets = None
    for part in parts:
        assert len(part.octets) <= (160 if part.data_coding == 0 else 140)
        found, _ = tlvs.read_tlvs(part.tlvs)
        message = ShortMessage(
            esm_class=part.esm_class, data_coding=part.data_coding, short_message=part.octets, tlvs=found
        )
        assert octets is None
        one = incoming_part(message)
        read_text(one.octets, alphabet_of(part.data_coding), default).encode("utf-16-be")  # no half pair
        octets = joiner.add("us", one)
    assert octets is not None
    assert read_text(octets, alphabet_of(parts[0].data_coding), default) == text


def test_what_an_alphabet_lacks_is_never_cut_or_sent_in_more_parts() -> None:
    """Where 0 is Latin-1 a Greek letter needs UCS-2: sent if that is one segment too, else refused."""
    (part,) = outgoing_parts("Δ482913", reference=1, smsc_default=Alphabet.LATIN1)
    assert part.data_coding == 8
    with pytest.raises(DoesNotFit):
        outgoing_parts("Δ" * 100, reference=1, smsc_default=Alphabet.LATIN1)
    with pytest.raises(DoesNotFit):
        outgoing_parts("a" * 200 + "Δ", reference=1, smsc_default=Alphabet.LATIN1)


def test_parts_say_so_in_a_header_or_in_tlvs() -> None:
    """8-bit reference; SAR has three TLVs, message_payload one."""
    text = "x" * 161
    first, second = outgoing_parts(text, reference=0xAB)
    assert first.octets.startswith(b"\x05\x00\x03\xab\x02\x01x")
    assert (first.esm_class, len(first.octets), second.octets) == (
        UDHI,
        159,
        b"\x05\x00\x03\xab\x02\x02" + b"x" * 8,
    )
    sar = outgoing_parts(text, reference=0xAB, concatenation=Concatenation.SAR)
    assert [tlvs.read_tlvs(part.tlvs)[0] for part in sar] == [
        ((0x020C, b"\x00\xab"), (0x020E, b"\x02"), (0x020F, number)) for number in (b"\x01", b"\x02")
    ]
    (payload,) = outgoing_parts(text, reference=0xAB, concatenation=Concatenation.PAYLOAD)
    assert payload == OutgoingPart(0, 0, b"", tlvs.tlv(tlvs.MESSAGE_PAYLOAD, b"x" * 161))
    (short,) = outgoing_parts("x", reference=0xAB, concatenation=Concatenation.PAYLOAD)
    assert short == OutgoingPart(0, 0, b"x")


def test_octets_are_joined_before_they_are_read() -> None:
    """A peer may have cut a letter in two: Kannel reads each part and gets two wrong ones."""
    smile = "\N{GRINNING FACE}".encode("utf-16-be")
    joiner = Joiner()
    parts = [
        incoming_part(
            ShortMessage(esm_class=UDHI, data_coding=8, short_message=bytes((5, 0, 3, 9, 2, number)) + half)
        )
        for number, half in ((2, smile[2:]), (1, smile[:2]))
    ]
    assert joiner.add("a", parts[0]) is None
    assert joiner.add("a", parts[1]) == smile


@pytest.mark.parametrize(
    ("octets", "part"),
    [
        (b"\x06\x08\x04\x01\x02\x03\x01x", IncomingPart(b"x", 0x0102, 3, 1)),
        (b"\x0b\x05\x04\x00\x01\x00\x02\x00\x03\x09\x02\x01x", IncomingPart(b"x", 9, 2, 1)),
        (b"\x05\x00\x03\x09\x02\x03x", IncomingPart(b"x")),  # the third of two
        (b"\x05\x00\x03\x09\x02\x00x", IncomingPart(b"x")),
        (b"\x30x", IncomingPart(b"\x30x")),  # a header longer than the text
        (b"", IncomingPart(b"")),
        (b"\x03\x00\x07\x01x", IncomingPart(b"x")),  # an element longer than the header
    ],
)
def test_a_header_that_is_none_makes_no_parts(octets: bytes, part: IncomingPart) -> None:
    """8 and 16 bits of reference, other elements before it."""
    assert incoming_part(ShortMessage(esm_class=UDHI, short_message=octets)) == part


def test_parts_that_never_come_are_forgotten() -> None:
    """After a while, and beyond so many texts the oldest first."""
    joiner = Joiner()
    first, second = IncomingPart(b"a", 1, 2, 1), IncomingPart(b"b", 1, 2, 2)
    joiner.add("late", first, now=0.0)
    assert joiner.add("late", second, now=INCOMPLETE_SECONDS) is None
    for number in range(MOST_INCOMPLETE + 1):
        joiner.add(number, first, now=INCOMPLETE_SECONDS)
    assert len(joiner._begun) == MOST_INCOMPLETE
    assert joiner.add(1, second, now=INCOMPLETE_SECONDS) is None
    assert joiner.add(MOST_INCOMPLETE, second, now=INCOMPLETE_SECONDS) == b"ab"
