"""Delivery receipts as SMSCs send them (SMPP 3.4 §2.11, Appendix B, and what peers make of it)."""

from datetime import UTC, datetime

import pytest

from onema.domain.values.sms_text import gsm_octets
from onema.protocols.smpp import tlvs as t
from onema.protocols.smpp.pdus import Address, DataSm, ShortMessage
from onema.protocols.smpp.receipts import (
    INTERMEDIATE,
    NUMBERS,
    SMSC_RECEIPT,
    STATES,
    DeliveryReceipt,
    MessageState,
    is_report,
    read_receipt,
    receipt_text,
    state_of,
    without_gsm,
)

DATES = "submit date:2611281200 done date:261128120005"


def read(
    text: str | bytes, *pairs: tuple[int, bytes], esm_class: int = SMSC_RECEIPT, coding: int = 0
) -> DeliveryReceipt:
    octets = text.encode() if isinstance(text, str) else text
    message = ShortMessage(esm_class=esm_class, data_coding=coding, short_message=octets, tlvs=pairs)
    assert is_report(message)
    return read_receipt(message)


@pytest.mark.parametrize("seconds", [False, True])
@pytest.mark.parametrize("state", MessageState)
def test_what_we_write_is_read(state: MessageState, seconds: bool) -> None:
    """Dates of 10 and 12 digits."""
    at = datetime(2026, 11, 28, 12, 0, 5, tzinfo=UTC)
    text = receipt_text("7f-1", state, submitted=at, done=at, err="0A1", text="Your code", seconds=seconds)
    found = read(text)
    assert (found.message_id, found.err) == (b"7f-1", "0A1")
    assert found.done_date == ("261128120005" if seconds else "2611281200")
    assert found.state is state


def test_tlvs_alone_are_a_receipt() -> None:
    """Some SMSCs send no text."""
    found = read(
        "",
        (t.RECEIPTED_MESSAGE_ID, b"12\0"),
        (t.MESSAGE_STATE, b"\x02"),
        (t.NETWORK_ERROR_CODE, b"\x03\0\x1b"),
    )
    assert (found.message_id, found.state, found.word) == (b"12", MessageState.DELIVERED, "DELIVRD")
    assert found.network_error == (3, 0x1B)


def test_tlvs_are_taken_before_the_text() -> None:
    """As Kannel and Jasmin do; that both disagree is said."""
    text = f"id:13 sub:001 dlvrd:000 {DATES} stat:UNDELIV err:001 text:"
    found = read(text, (t.RECEIPTED_MESSAGE_ID, b"12"), (t.MESSAGE_STATE, b"\x02"))
    assert (found.message_id, found.state, found.word, found.err) == (
        b"12",
        MessageState.DELIVERED,
        "DELIVRD",
        "001",
    )
    assert "UNDELIV" in found.disagreement
    assert read(text, (t.RECEIPTED_MESSAGE_ID, b"12")).disagreement == "another id in the text"
    assert read(text, (t.RECEIPTED_MESSAGE_ID, b"13"), (t.MESSAGE_STATE, b"\x05")).disagreement == ""


def test_an_empty_tlv_id_means_the_text_s() -> None:
    """Kannel 1.4.5 takes it so too."""
    for empty in (b"", b"\0"):
        assert read("id:13 stat:DELIVRD", (t.RECEIPTED_MESSAGE_ID, empty)).message_id == b"13"


def test_a_tlv_id_is_as_long_as_its_length_says() -> None:
    """Net::SMPP writes no NUL, others several; one inside of it is part of the id."""
    for value, wanted in ((b"12", b"12"), (b"12\0", b"12"), (b"12\0\0", b"12"), (b"1\x002\0", b"1\x002")):
        assert read("", (t.RECEIPTED_MESSAGE_ID, value), (t.MESSAGE_STATE, b"\x02")).message_id == wanted


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DELIVRD", MessageState.DELIVERED),
        ("delivrd", MessageState.DELIVERED),
        ("Delivered", MessageState.DELIVERED),
        ("DELETED", MessageState.DELETED),
        ("UNDELIV", MessageState.UNDELIVERABLE),
        ("UNDELIVERABLE", MessageState.UNDELIVERABLE),
        ("FAILED", MessageState.UNDELIVERABLE),
        ("EXPIRED", MessageState.EXPIRED),
        ("REJECTD", MessageState.REJECTED),
        ("rejected", MessageState.REJECTED),
        ("ACCEPTD", MessageState.ACCEPTED),
        ("ENROUTE", MessageState.ENROUTE),
        ("BUFFERED", MessageState.UNKNOWN),
        ("", MessageState.UNKNOWN),
        ("DEL", MessageState.UNKNOWN),
    ],
)
def test_words_are_read_by_their_first_letters(word: str, state: MessageState) -> None:
    """In any case; a word that is not known is unknown, not failed."""
    assert state_of(word) is state


@pytest.mark.parametrize(
    "name", ["a.b", "a/b", "a:b", "a@b", "a-b", "a_b", "0F", "3fa85f64-5717-4562-b3fc-2c963f66afa6"]
)
def test_ids_end_at_white_space_only(name: str) -> None:
    """Jasmin ends them at signs."""
    assert read(f"id:{name} sub:001 stat:DELIVRD").message_id == name.encode()


@pytest.mark.parametrize(
    "text",
    [
        "ID:12 SUB:001 DLVRD:001 SUBMIT DATE:2611281200 DONE DATE:2611281200 STAT:DELIVRD ERR:0a1 TEXT:",
        "id: 12 sub: 001 dlvrd: 001 submit date: 2611281200 done date: 2611281200 stat: DELIVRD err: 0a1",
        "stat:DELIVRD\r\nid:12\nerr:0a1",
    ],
)
def test_keys_may_have_any_case_and_blanks_behind(text: str) -> None:
    """In any order too."""
    found = read(text)
    assert (found.message_id, found.state, found.err) == (b"12", MessageState.DELIVERED, "0a1")


def test_an_empty_value_is_not_the_next_key() -> None:
    """`id: sub:001` names nobody."""
    found = read("id: sub:001 dlvrd:001 stat: err:")
    assert (found.message_id, found.word, found.err) == (b"", "", "")


def test_what_the_message_says_is_no_report() -> None:
    """It stands behind `text:`, and a stranger may have written it."""
    found = read("id:12 sub:001 stat:UNDELIV err:1 text: id:99 stat:DELIVRD err:000")
    assert (found.message_id, found.state, found.err) == (b"12", MessageState.UNDELIVERABLE, "1")
    assert read("sub:001 stat:UNDELIV Text:id:99 ").message_id == b""


def test_receipts_come_in_every_wrapping() -> None:
    """As data_sm, in message_payload, in UCS-2, with a user data header, from a source that is no ASCII."""
    text = "id:12 stat:DELIVRD err:000"
    payload = (t.MESSAGE_PAYLOAD, text.encode())
    wrapped: list[ShortMessage | DataSm] = [
        DataSm(esm_class=SMSC_RECEIPT, tlvs=(payload,)),
        ShortMessage(esm_class=SMSC_RECEIPT, tlvs=(payload,)),
        ShortMessage(esm_class=SMSC_RECEIPT, data_coding=8, short_message=text.encode("utf-16-be")),
        ShortMessage(esm_class=SMSC_RECEIPT, data_coding=0x18, short_message=text.encode("utf-16-be")),
        ShortMessage(esm_class=SMSC_RECEIPT | 0x40, short_message=b"\x02\x70\x00" + text.encode()),
        ShortMessage(
            esm_class=SMSC_RECEIPT, data_coding=3, short_message=text.encode(), source=Address(5, 0, b"\xe9")
        ),
        ShortMessage(esm_class=SMSC_RECEIPT, data_coding=4, short_message=text.encode(), trailing=b"\0\0"),
    ]
    for message in wrapped:
        assert is_report(message)
        found = read_receipt(message)
        assert (found.message_id, found.state) == (b"12", MessageState.DELIVERED)


def test_ids_that_went_through_the_gsm_alphabet_are_the_same() -> None:
    """node-smpp answers in ASCII and reports in GSM octets under data_coding 1 or 0."""
    for name in ("a_b", "a@b", "x[1]{2}", "$7", "7f3a", "3fa85f64-5717"):
        octets = gsm_octets(f"id:{name} sub:001 stat:DELIVRD")
        for coding in (0, 1):
            assert (
                without_gsm(read(octets, coding=coding).message_id)
                == without_gsm(name.encode())
                == name.encode()
            )


def test_an_intermediate_notification_ends_nothing() -> None:
    """esm_class 0x20, whatever it says (Kannel lets it end a message)."""
    assert read("id:12 stat:DELIVRD", esm_class=INTERMEDIATE).is_intermediate
    assert not read("id:12 stat:DELIVRD").is_intermediate


def test_a_text_of_a_phone_is_no_report() -> None:
    """Unless this SMSC sends reports so; TLVs no phone can write."""
    message = ShortMessage(short_message=b"id:12 stat:DELIVRD")
    assert not is_report(message)
    assert is_report(message, plain_too=True)
    assert not is_report(ShortMessage(short_message=b"hello"), plain_too=True)
    assert not is_report(ShortMessage(esm_class=0x08, short_message=b"id:12 stat:DELIVRD"), plain_too=True)
    assert is_report(ShortMessage(tlvs=((t.RECEIPTED_MESSAGE_ID, b"12"), (t.MESSAGE_STATE, b"\x02"))))


def test_unknown_tlvs_are_kept() -> None:
    """Vendors tell operator and country in them."""
    vendors = ((0x1403, b"45201"), (0x1403, b"again"))
    assert read("id:12 stat:DELIVRD", *vendors).tlvs == vendors


def test_states_have_their_numbers() -> None:
    """3.4 §5.2.28."""
    assert {number: state.value for number, state in STATES.items() if 0 < number < 9} == {
        1: "ENROUTE",
        2: "DELIVRD",
        3: "EXPIRED",
        4: "DELETED",
        5: "UNDELIV",
        6: "ACCEPTD",
        7: "UNKNOWN",
        8: "REJECTD",
    }
    assert NUMBERS[MessageState.DELIVERED] == 2


def test_a_long_report_takes_no_time() -> None:
    """Of what a stranger can make long only the beginning is read."""
    assert read(b"", (t.MESSAGE_PAYLOAD, b"id: " * 16_000)).message_id == b""
    assert (
        len(read("", (t.RECEIPTED_MESSAGE_ID, b"1" * 60_000), (t.MESSAGE_STATE, b"\x02")).message_id) == 255
    )
