import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.template_matching import LONGEST_MESSAGE, MOST_TRIED, Templates
from onema.domain.values.written_form import text_form

PIECE = re.compile(r"(\{[^}]*\})")
WORD, WORDS = re.compile(r"\{P1,(\d+)\}"), re.compile(r"\{P2,(\d+)\}")
PATIENCE_SECONDS = 0.25
"""Of the processor, for what takes milliseconds; row by row it took seconds."""


def fits(template: str, message: str, length: int) -> bool:
    """As it is meant, by trying every way; a code of so many characters is one unit."""
    units = tuple(
        (unit, length if unit == "{OTP}" else 1)
        for unit in re.split(r"(\{OTP\}|.)", message, flags=re.S)
        if unit
    )
    return _rest_fits(tuple(piece for piece in PIECE.split(text_form(template)) if piece), units)


def _rest_fits(pieces: tuple[str, ...], units: tuple[tuple[str, int], ...]) -> bool:
    if not pieces:
        return not units
    return any(
        _is_value(pieces[0], units[:end]) and _rest_fits(pieces[1:], units[end:])
        for end in range(1, len(units) + 1)
    )


def _is_value(piece: str, units: tuple[tuple[str, int], ...]) -> bool:
    text, length = "".join(unit for unit, _ in units), sum(length for _, length in units)
    if piece == "{OTP}":
        return text == "{OTP}" or (len(text) <= 10 and re.fullmatch("[A-Za-z0-9]+", text) is not None)
    if word := WORD.fullmatch(piece):
        return length <= int(word[1]) and not re.search(r"\s", text)
    if words := WORDS.fullmatch(piece):
        return length <= int(words[1]) and text == text.strip()
    return text == piece


def matching(templates: Sequence[str]) -> Templates:
    return Templates(map(MessageTemplate.parse, templates))


pieces = st.sampled_from(
    ["{OTP}", "{P1,1}", "{P1,3}", "{P1,4}", "{P2,1}", "{P2,4}", "{P2,7}", "a", " ", "ab", "b "]
)
templates = st.lists(pieces, min_size=1, max_size=5).map("".join).filter(str.strip)


@settings(max_examples=500)
@given(
    st.lists(templates, max_size=6),
    st.lists(st.sampled_from(["a", "b", " ", "\n", "-", "{OTP}"]), max_size=12).map("".join).map(text_form),
    st.sampled_from([1, 4, 6]),
)
def test_finds_the_template_that_trying_every_way_finds(
    templates: list[str], message: str, length: int
) -> None:
    """The first in order, or none."""
    expected = [number for number, template in enumerate(templates) if fits(template, message, length)]
    assert matching(templates).first_that_fits(message, length) == min(expected, default=None)


@pytest.mark.parametrize(
    ("template", "message", "length", "expected"),
    [
        ("{P1,6}", "{OTP}", 6, True),
        ("{P1,5}", "{OTP}", 6, False),
        ("{P1,3}{P1,3}", "{OTP}", 6, False),
        ("{P1,7}", "G{OTP}", 6, True),
        ("{P2,9}", "ma {OTP}", 6, True),
        ("{P2,8}", "ma {OTP}", 6, False),
        ("{OTP}", "{OTP}9", 4, False),
        ("{OTP}{OTP}", "{OTP}{OTP}", 10, True),
        ("{OTP}", "123456", 6, True),
        ("000000", "{OTP}", 6, False),
    ],
)
def test_a_code_is_taken_whole(template: str, message: str, length: int, expected: bool) -> None:
    """It counts with its length, and is never shared among placeholders or taken for a literal."""
    assert fits(template, message, length) is expected
    assert (matching([template]).first_that_fits(message, length) is not None) is expected


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 80))
def test_lengths_are_exact(longest: int, other: int, length: int) -> None:
    """Of words and of several, alone and as neighbours."""
    for kind, word in (("P1", "x" * length), ("P2", ("x " * length)[:length])):
        one = matching([f"{{{kind},{longest}}}"])
        assert (one.first_that_fits(word, 4) is not None) == (
            1 <= length <= longest and not word.endswith(" ")
        )
    two = matching([f"{{P1,{longest}}}{{P1,{other}}}"])
    assert (two.first_that_fits("x" * length, 4) is not None) == (2 <= length <= longest + other)


@pytest.mark.parametrize("number", [0, 17, 9_999])
def test_ten_thousand_templates_are_looked_at_at_once(number: int) -> None:
    """Also when all of them begin with placeholders."""
    many = matching([f"{{P2,100}} {{P1,20}} la ma so {number} {{OTP}}" for number in range(10_000)])
    started = time.process_time()
    assert many.first_that_fits(f"Ma cua ban la ma so {number} {{OTP}}", 6) == number
    assert many.first_that_fits("Xin chao ban, {OTP} la ma xac minh dang ky cua ban tai cua hang", 6) is None
    assert many.first_that_fits(("Xin chao ban, {OTP} la ma xac minh " * 20)[:600], 6) is None
    assert time.process_time() - started < PATIENCE_SECONDS


@pytest.mark.parametrize(
    "templates",
    [
        ["{P2,500}" * 9 + f"{number}" for number in range(200)],
        [" ".join(["{P2,500}"] * 9) + f" {number}" for number in range(200)],
        [f"{{P2,{number % 100 + 1}}} {{P1,{number // 100 + 1}}} {{OTP}}!" for number in range(5_000)],
        [
            "".join(f"{{P2,{400 + (number * place) % 97}}}" for place in range(1, 10))
            for number in range(1_000)
        ],
        ["a" * length + "{P2,500}" for length in range(1, 990)],
    ],
)
@pytest.mark.parametrize(
    "message",
    [
        "{OTP} la ma " * 5 + "?",
        "a " * 2_998 + "{OTP}",
        "a" * 5_990 + "{OTP}",
        "{OTP}" * 1_200,
        "x " * 1_900 + "{OTP}",
    ],
)
def test_no_templates_and_no_message_hold_up_others(templates: list[str], message: str) -> None:
    """However alike the templates are, and in however many ways the message could be shared among them."""
    many = matching(templates)
    started = time.process_time()
    many.first_that_fits(message, 6)
    assert time.process_time() - started < PATIENCE_SECONDS


def test_a_text_longer_than_any_template_is_not_looked_at() -> None:
    """A template cannot be that long."""
    many = matching(["{P2,500}" * 10])
    assert many.first_that_fits("a" * 5_000, 4) == 0
    assert many.first_that_fits("a" * (LONGEST_MESSAGE + 1), 4) is None


def test_looking_ends_where_only_lengths_tell_templates_apart() -> None:
    """After so many placeholders; what words tell apart is found among any number."""
    lengths = [(first, second) for first in range(1, 101) for second in range(1, 101)]
    only_lengths = [f"{{P1,{first}}} {{P1,{second}}}" for first, second in lengths]
    assert len(only_lengths) > MOST_TRIED
    assert matching(only_lengths).first_that_fits("x" * 100 + " " + "y" * 100 + " z", 4) is None
    told_apart = [f"{number} {{P1,{number % 100 + 1}}}" for number in range(len(lengths))]
    assert matching(told_apart).first_that_fits("9999 " + "x" * 100, 4) == 9_999
