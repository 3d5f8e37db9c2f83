"""An SMSC's name for a message, in its answer and in its receipts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.sms_smpp.message_ids import REMEMBERED, SURE_AFTER, IdBase, MessageIds

LARGE = 2**200 + 7


@pytest.mark.parametrize(
    ("base", "answer", "receipt", "fits"),
    [
        ("text", b"7F3A", b"7F3A", True),
        ("text", b"7F3A", b"7f3a", False),
        ("text", b"007", b"7", False),
        ("any-case", b"7F3A-x", b"7f3a-X", True),
        ("decimal", b"007", b"7", True),
        ("decimal", b"0", b"000", True),
        ("decimal", b"00a", b"a", False),
        ("hex", b"00fF", b"FF", True),
        ("hex-decimal", b"7F3A", b"32570", True),
        ("hex-decimal", b"00007f3a", b"0032570", True),
        ("hex-decimal", f"{LARGE:x}".encode(), str(LARGE).encode(), True),
        ("hex-decimal", b"7f3a-1", b"7f3a-1", True),
        ("hex-decimal", b"xyz", b"xyz", True),
        ("decimal-hex", b"32570", b"7f3a", True),
        ("text", b"a_b", b"a\x11b", True),
        ("text", b"\xff\xfe", b"\xff\xfe", True),
        ("text", b"\xff\xfe", b"\xff\xff", False),
    ],
)
def test_ids_fit_as_their_base_says(base: IdBase, answer: bytes, receipt: bytes, fits: bool) -> None:
    """Numbers of any length where they wholly are digits of the base, else octets; on any node, without memory."""
    assert (MessageIds(base).of_answer(answer) == MessageIds(base).of_receipt(receipt)) is fits


@given(st.binary(max_size=70))
def test_any_octets_are_a_name(octets: bytes) -> None:
    """The same ones the same, but for letters that the GSM alphabet has elsewhere."""
    ids = MessageIds()
    assert ids.of_answer(octets) == ids.of_receipt(octets)
    assert bool(ids.of_answer(octets)) is bool(octets)


def test_auto_learns_from_receipts_that_fit_in_one_way() -> None:
    """And then knows it of answers that another process heard, as they are spelled here."""
    ids = MessageIds("auto")
    for number in range(1_000, 1_000 + SURE_AFTER):
        assert ids.learnt == ""
        reference = ids.of_answer(f"{number:08X}".encode())
        assert ids.of_receipt(str(number).encode()) == reference
    assert ids.learnt == "hex-decimal"
    assert ids.of_receipt(b"4711") == f"{4711:08X}"
    assert ids.of_receipt(b"x-1") == "x-1"


def test_auto_is_not_sure_of_ids_that_fit_in_several_ways() -> None:
    """It says nothing then."""
    ids = MessageIds("auto")
    for number in range(20):
        ids.of_answer(str(number).encode())
        ids.of_receipt(str(number).encode())
    ids.of_answer(b"FFF")
    ids.of_receipt(b"4095")
    assert ids.learnt == ""


def test_auto_remembers_so_many() -> None:
    """The newest ones."""
    ids = MessageIds("auto")
    for number in range(REMEMBERED + 10):
        ids.of_answer(b"n%d" % number)
    assert len(ids._recent) == REMEMBERED
    assert "n9" not in ids._recent
