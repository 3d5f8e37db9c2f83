import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.template_difference import Difference, first_difference, nearest_difference
from onema.domain.configuration.template_matching import Templates
from onema.domain.values.written_form import text_form

TEMPLATE = "Xin chao {P2,20}, {OTP} la ma cua ban"


@pytest.mark.parametrize(
    ("text", "place", "expected", "found"),
    [
        ("Xin chao An, {OTP} la ma cho ban", 27, "ua ban", "ho ban"),
        ("Xin chao An, {OTP} la ma cua ban.", 33, "", "."),
        ("Xin chao An, {OTP} la ma", 25, " cua ban", ""),
        (
            "xin chao An, {OTP} la ma cua ban",
            1,
            "Xin chao {P2,20}, {OTP} la ma cua ban",
            "xin chao An, {OTP} la ma cua ban",
        ),
        ("Xin chao An, ma {OTP}", 16, "a cua ban", "..."),
        ("Xin chao", 9, " {P2,20}, {OTP} la ma cua ban", ""),
    ],
)
def test_says_where_a_text_first_differs(text: str, place: int, expected: str, found: str) -> None:
    """The character, what the template has there, and what the text has."""
    difference = first_difference(text, MessageTemplate.parse(TEMPLATE), 6)
    assert difference is not None
    if found != "...":
        assert difference == Difference(TEMPLATE, place, expected, found)
    assert text[difference.place - 1 :] == difference.found


def test_a_code_that_is_too_long_for_its_placeholder_differs() -> None:
    """The text shows its marker, not a code."""
    template = MessageTemplate.parse("Ma {P1,4}")
    assert first_difference("Ma {OTP}", template, 4) is None
    assert first_difference("Ma {OTP}", template, 6) == Difference("Ma {P1,4}", 4, "{P1,4}", "{OTP}")


def test_the_nearest_template_is_the_most_alike() -> None:
    """Also when it differs at its beginning."""
    texts = ["Khuyen mai {P2,100}", "{OTP} la ma xac minh dang ky cua ban", "Ma giam gia {P1,10}"]
    found = nearest_difference("Chao ban, {OTP} la ma xac minh dang ky", map(MessageTemplate.parse, texts), 6)
    assert found is not None
    assert found.template == texts[1]
    assert nearest_difference("Chao ban", [], 6) is None


pieces = st.sampled_from(["{OTP}", "{P1,3}", "{P2,4}", "{P2,7}", "a", " ", "ab", "b "])


@given(
    st.lists(pieces, min_size=1, max_size=5).map("".join).filter(str.strip),
    st.lists(st.sampled_from(["a", "b", " ", "\n", "{OTP}"]), max_size=10).map("".join).map(text_form),
)
def test_a_text_differs_exactly_when_it_does_not_fit(template: str, text: str) -> None:
    """And what is said of the text is a part of it."""
    parsed = MessageTemplate.parse(template)
    difference = first_difference(text, parsed, 4)
    assert (difference is None) == (Templates([parsed]).first_that_fits(text, 4) is not None)
    if difference is not None:
        assert text.endswith(difference.found)
