import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.written_form import code_form, number_form, text_form

INVISIBLE = [
    "\u00ad",
    "\u061c",
    "\u180e",
    "\u200b",
    "\u200e",
    "\u200f",
    "\u202a",
    "\u202c",
    "\u202d",
    "\u2060",
    "\u2066",
    "\u2069",
    "\ufe0d",
    "\ufe0f",
    "\ufeff",
    "\U000e0020",
]
ODD_SPACES = ["\t", "\u00a0", "\u1680", "\u2007", "\u2009", "\u202f", "\u205f", "\u3000"]
LINE_ENDS = ["\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"]
anything = st.text(max_size=40) | st.lists(
    st.sampled_from(["a", " ", "1", "\u0301", "\u200d", *INVISIBLE, *ODD_SPACES, *LINE_ENDS]), max_size=12
).map("".join)


@pytest.mark.parametrize("invisible", INVISIBLE)
def test_what_cannot_be_seen_vanishes(invisible: str) -> None:
    """From numbers, codes and texts."""
    assert number_form(f"{invisible}09{invisible}01{invisible}") == "0901"
    assert code_form(f"{invisible}A1{invisible}b2{invisible}") == "A1b2"
    assert text_form(f"{invisible}Ma{invisible} la{invisible}") == "Ma la"


@pytest.mark.parametrize("space", ODD_SPACES)
def test_an_odd_space_is_a_space(space: str) -> None:
    """One, however many there are, and none at the ends; digits have none at all."""
    assert text_form(f"{space}Ma{space}cua {space}ban{space}") == "Ma cua ban"
    assert number_form(f"09{space}01") == "0901"
    assert code_form(f"12{space}34") == "1234"


@pytest.mark.parametrize("end", LINE_ENDS)
def test_every_line_ends_alike(end: str) -> None:
    """By LF; two lines stay two, an empty line stays one."""
    assert text_form(f"Ma{end}cua{end}{end}ban{end}") == "Ma\ncua\n\nban"


def test_a_text_is_composed() -> None:
    """As macOS decomposes it, and as Windows-1258 keyboards half compose it."""
    assert text_form("Ma\u0303 xa\u0301c minh") == "Mã xác minh"
    assert text_form("\u00ea\u0301") == "ế"


def test_more_marks_than_a_letter_can_have_stay_as_they_are() -> None:
    """Nobody reads them, and putting many in order takes long; what stands around them is composed."""
    disorder = "\u0315\u0300"
    assert text_form("a" + disorder * 15) == "à" + "\u0300" * 14 + "\u0315" * 15
    assert text_form("Ma\u0303 e" + disorder * 16 + " xa\u0301c") == "Mã e" + disorder * 16 + " xác"


def test_joiners_that_are_read_stay_in_a_text() -> None:
    """A Persian word and a family; a code has none."""
    assert text_form("می\u200cخواهم 👩\u200d👧") == "می\u200cخواهم 👩\u200d👧"
    assert code_form("12\u200d34\u200c") == "1234"


@given(anything)
def test_a_form_has_no_other_form(text: str) -> None:
    """Whoever normalises twice gets the same, so it does not matter who did it first."""
    for form in (text_form, number_form, code_form):
        assert form(form(text)) == form(text)


@given(anything)
def test_a_text_form_has_nothing_odd(text: str) -> None:
    """Composed, spaces single, lines ended by LF, nothing invisible."""
    form = text_form(text)
    assert unicodedata.is_normalized("NFC", form)
    assert not any(odd in form for odd in (*INVISIBLE, *ODD_SPACES, *LINE_ENDS[1:], "  "))
    assert form == form.strip(" \n")


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=20))
def test_plain_text_is_its_own_form(text: str) -> None:
    """Printable ASCII says what it says; of a number, digits, plus and letters do."""
    assert text_form(text) == text
    assert code_form(text) == text.replace("-", "")
    assert number_form(text) == "".join(character for character in text if character not in "().[]-")
