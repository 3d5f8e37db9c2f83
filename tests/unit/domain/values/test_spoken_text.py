"""How a text is cut before it is read out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.spoken_text import LONGEST_TEXT, Part, parts_of, seconds_to_speak
from onema.domain.values.written_form import text_form


def said(text: str) -> list[str]:
    """What is said, with a mark before what is spelled."""
    return [f"#{part.text}" if part.spelled else part.text for part in parts_of(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("您的验证码是66537，2分钟内有效", ["您的验证码是", "#66537", "2分钟内有效"]),
        ("您的单据号为：REQ00012345", ["您的单据号为", "#REQ00012345"]),
        ("Mã của bạn là 068686. Đừng nói với ai!", ["Mã của bạn là", "#068686", "Đừng nói với ai"]),
        ("Your code is abc123", ["Your code is", "#ABC123"]),
        ("Room 12, floor 007", ["Room 12", "floor", "#007"]),
        ("It costs 1.5 at 10.30", ["It costs 1.5 at 10.30"]),
        ("Temperature above threshold", ["Temperature above threshold"]),
        ("4711", ["#4711"]),
        ("，。！", []),
        ("", []),
    ],
)
def test_codes_are_spelled_and_the_rest_is_cut_at_its_marks(text: str, parts: list[str]) -> None:
    """Words without a digit are words, however long; numbers of up to three digits are numbers."""
    assert said(text) == parts


def test_what_is_too_long_for_one_clip_is_cut() -> None:
    """Between words, and anywhere where there are none."""
    chinese = "报" * 120
    assert "".join(said(chinese)) == chinese
    assert len(said(chinese)) == 3
    words = "onema " * 60
    assert " ".join(said(words)) == words.strip()
    assert len(said(words)) == 2


@given(st.text(max_size=LONGEST_TEXT).map(text_form))
def test_all_letters_and_digits_are_said_once_and_in_order(text: str) -> None:
    """Whatever the text; what is spelled has nothing but letters and digits."""
    parts = parts_of(text)
    assert [each for each in "".join(part.text for part in parts).upper() if each.isalnum()] == [
        each for each in text.upper() if each.isalnum()
    ]
    assert all(part.text.isascii() and part.text.isalnum() for part in parts if part.spelled)
    assert seconds_to_speak(text) >= 0.5 * len(parts)


def test_a_part_is_what_a_text_shares_with_others() -> None:
    """The words around a code are the same whatever the code."""
    assert (
        parts_of("码是1111，谢谢")[::2]
        == parts_of("码是2222，谢谢")[::2]
        == (Part("码是", False), Part("谢谢", False))
    )
