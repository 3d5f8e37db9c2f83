"""Bytes and numbers on the wire. docs/vendors/esms.md#requests, #answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.dialects.esms import wire
from onema.domain.ids import MessageId

IDS = st.integers(0, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(IDS)
def test_an_smsid_is_32_hex_digits_and_finds_its_message(message: int) -> None:
    """Both ways, also in upper case."""
    text = wire.smsid(MessageId(message))
    assert len(text) == 32
    assert wire.message_of_smsid(text) == wire.message_of_smsid(text.upper()) == message


@given(IDS)
def test_the_answer_names_the_message_by_its_smsid(message: int) -> None:
    """The prebuilt bytes and the function agree."""
    assert json.loads(wire.accepted(MessageId(message)))["SMSID"] == wire.smsid(MessageId(message))


@pytest.mark.parametrize(
    "text",
    ["", "1", "g" * 32, "f" * 32, "0" * 31, "0" * 33, "-" + "1" * 31, "0x" + "1" * 30, "1_" * 16, "٣" * 32],
)
def test_what_is_no_smsid_of_ours_is_refused(text: str) -> None:
    """Including numbers that no message can have."""
    with pytest.raises(ValueError, match="not an SMSID"):
        wire.message_of_smsid(text)


@given(TEXT, TEXT)
def test_any_echo_is_the_json_string_that_was_sent(phone: str, code: str) -> None:
    """What a client reads back is what it wrote; "/" only ever stands behind a backslash."""
    body = wire.code_invalid("117", phone, code)
    assert json.loads(body)["ErrorMessage"] == f"{phone}, Content: {code} Code Invalid"
    assert body.count(b"/") == body.count(b"\\/")


@given(st.text(), st.integers(-5, 5), st.integers(0, 20))
def test_a_clamped_number_is_in_its_range(text: str, lowest: int, width: int) -> None:
    """Whatever was sent."""
    assert lowest <= wire.clamped(text, 3, lowest, lowest + width) <= lowest + width


@pytest.mark.parametrize("text", ["1_0", "٣", "0x5", "1e1", "5 0", "5.0", "--5"])
def test_only_plain_whole_numbers_count(text: str) -> None:
    """Anything else is as good as absent."""
    assert wire.clamped(text, 6, 4, 10) == 6
