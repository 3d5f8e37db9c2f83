import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration.message_template import MessageTemplate, place_code
from onema.domain.configuration.template_matching import Templates
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.written_form import text_form

# The text of the vendor's test brandname (docs/vendors/esms.md#the-samples).
OTP_TEMPLATE = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"

SOURCES = {
    "{OTP}": r"(?:\ufdd0|[A-Za-z0-9]{1,10})",
    "{P1,1}": r"\S{1,1}",
    "{P1,3}": r"\S{1,3}",
    "{P2,1}": r"(?=\S)[\s\S]{1,1}(?<=\S)",
    "{P2,4}": r"(?=\S)[\s\S]{1,4}(?<=\S)",
}


def accepts(template: str, message: str) -> bool:
    """Whether the whole message fits; of a code in place of a marker, as short as one can be."""
    return Templates([MessageTemplate.parse(template)]).first_that_fits(text_form(message), 1) is not None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (OTP_TEMPLATE, "{OTP} la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "123456 la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "1NTTJ6 la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "  {OTP}  la ma   xac minh dang ky Baotrixemay cua ban \n"),
        # What GetTemplate lists for that brandname (docs/vendors/esms.md#texts).
        ("{P1,20} la ma xac minh dang ky Baotrixemay cua ban", OTP_TEMPLATE),
        ("{P2,50} la ma", "{OTP} la ma"),
        ("{P2,50} la ma", "Ma cua ban {OTP} la ma"),
        ("Ma: {P1,20}", "Ma: G-{OTP}."),
        ("Xin chao {P2,20}, ma {OTP}", "Xin chao Nguyen Van A, ma {OTP}"),
        ("{OTP}{OTP}", "{OTP}{OTP}"),
        ("{P1,3}{P1,3}", "abcdef"),
        ("khong co gi thay doi", "khong co gi thay doi"),
        ("Mã của bạn", "Ma\u0303 cu\u0309a ba\u0323n"),
        ("Ma\u0303 {OTP}", "Mã {OTP}"),
        ("a  b", "a b"),
        ("a b", "a\u00a0b"),
        ("a\u3000b", "a b"),
        ("a\tb", "a b"),
        ("a\u200bb", "a\ufeffb"),
        ("mot\nhai", "mot\r\nhai"),
        ("mot\r\nhai", "mot\rhai"),
        ("{P2,9}", "mot\r\nhai"),
        ("{OTP} la ma", "{O\u200bTP} la ma"),
        ("{P1,500}", "x" * 500),
        ("{P1,1}", "{OTP}"),
    ],
)
def test_a_message_that_fits_is_accepted(template: str, message: str) -> None:
    """The whole message, with the marker or a literal code, whatever its spaces and normal form."""
    assert accepts(template, message)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (OTP_TEMPLATE, "{otp} la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "{OTP} la ma xac minh dang ky baotrixemay cua ban"),
        (OTP_TEMPLATE, "{OTP} la ma xac minh dang ky Baotrixemay cua ban."),
        (OTP_TEMPLATE, "Xin chao {OTP} la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, " la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "12345678901 la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "123-456 la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "mãsố la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, "{OTP}1 la ma xac minh dang ky Baotrixemay cua ban"),
        (OTP_TEMPLATE, ""),
        ("{P1,20} la ma", "hai tu la ma"),
        ("{P1,20} la ma", "x" * 21 + " la ma"),
        ("{P2,10} la ma", "muoi mot ky tu la ma"),
        ("a{P2,9}b", "a b"),
        ("a{P2,9}b", "a x b"),
        ("{P1,3}{P1,3}", "abcdefg"),
        ("{P1,3}{P1,3}", "a"),
        ("khong co ma", "khong co ma {OTP}"),
        ("{P1,20}", "a\ufdd0"),
        ("a b", "ab"),
    ],
)
def test_a_message_that_differs_is_refused(template: str, message: str) -> None:
    """Case, punctuation, missing or additional text, and values that are too long or not one word."""
    assert not accepts(template, message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "{",
        "}",
        "ma {OTP",
        "ma OTP}",
        "{{OTP}}",
        "{otp}",
        "{OTP,6}",
        "{P1}",
        "{P1,}",
        "{P1,0}",
        "{P1,501}",
        "{P1,1000}",
        "{P1,-1}",
        "{P1, 20}",
        "{P1,020}",
        "{P1,٢}",
        "{P3,20}",
        "{}",
        "{name:20}",
        "{OTP}" * 11,
        "x" * 1_001,
        "a\ufdd0",
    ],
)
def test_a_bad_template_is_refused(text: str) -> None:
    """Blank, too long, braces that belong to no placeholder, lengths out of bounds, too many placeholders."""
    with pytest.raises(Refused) as refused:
        MessageTemplate.parse(text)
    assert refused.value.refusal is Refusal.TEMPLATE_MISMATCH
    assert refused.value.detail


def test_the_limits_themselves_are_allowed() -> None:
    """Ten placeholders, a length of 500, and 1,000 characters."""
    assert accepts("{P1,500}" * 10, "x" * 5_000)
    assert not accepts("{P1,500}" * 10, "x" * 5_001)
    assert accepts("x" * 1_000, "x" * 1_000)


def test_the_code_takes_the_place_of_every_marker() -> None:
    """Also when the text repeats it; text without a marker stays."""
    assert place_code("{OTP} la ma. Nhap {OTP}", "123456") == "123456 la ma. Nhap 123456"
    assert place_code("khong co ma", "123456") == "khong co ma"


def test_a_template_with_a_code_in_its_place_settles_the_length() -> None:
    """The marker alone fits {P1,4}; a code of six digits does not."""
    assert accepts("ma {P1,4}", "ma {OTP}")
    assert not accepts("ma {P1,4}", place_code("ma {OTP}", "000000"))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{P2,500}" * 10 + "!", "a " * 2_499 + "a"),
        ("{P2,500}" * 10 + "!", "a" * 5_000),
        ("{P1,500}" * 10 + "!", "a" * 5_000),
        ("a".join(["{P2,500}"] * 10) + "!", "a" * 5_000),
        (" ".join(["{P2,500}"] * 10) + "!", "a " * 2_499 + "a"),
        ("{OTP}" * 10 + "!", "a" * 100),
        ("{P2,500}" * 10, "{OTP}" * 5_001),
        ("{P2,500}" * 10, "a" * 1_000_000),
    ],
)
def test_no_message_makes_matching_explode(template: str, message: str) -> None:
    """Neighbouring placeholders could share these messages in more ways than any backtracking survives."""
    assert not accepts(template, message)


@given(
    st.lists(st.sampled_from([*SOURCES, "a", " ", "ab"]), min_size=1, max_size=5).map("".join),
    st.lists(st.sampled_from(["a", "b", " ", "\n", "-", "{OTP}"]), max_size=12).map("".join),
)
def test_agrees_with_a_regular_expression(template: str, message: str) -> None:
    """On texts short enough to backtrack, the answers are those of the obvious expression."""
    normal = re.sub(" +", " ", template.strip())
    if not normal:
        return
    source = "".join(SOURCES.get(piece, re.escape(piece)) for piece in re.split(r"(\{[^}]*\})", normal))
    marked = re.sub(" +", " ", message.strip()).replace("{OTP}", "\ufdd0")
    assert accepts(template, message) == bool(re.fullmatch(source, marked))


words = st.text(alphabet="abcXYZ019đế.,-", min_size=1, max_size=8)


@given(st.lists(words, min_size=1, max_size=6), words, st.from_regex("[A-Z0-9]{1,10}", fullmatch=True))
def test_a_filled_template_is_accepted(phrase: list[str], word: str, code: str) -> None:
    """Values within their lengths always fit, with the marker and with the code."""
    template = "Chao {P2,60}: {P1,8} - {OTP}!"
    message = f"Chao {' '.join(phrase)}: {word} - {{OTP}}!"
    assert accepts(template, message)
    assert accepts(template, place_code(message, code))


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["{", "}", "OTP", "P1", ",", "9", " "]), max_size=12).map("".join)
)
def test_any_text_is_a_template_or_refused(text: str) -> None:
    """Nothing but Refused is raised; a template without gaps accepts itself."""
    try:
        MessageTemplate.parse(text)
    except Refused:
        return
    if "{" not in text:
        assert accepts(text, text)


@pytest.mark.parametrize("placeholder", ["{P1,0}", "{P2,501}", "{P2,9999}"])
def test_a_placeholder_that_stands_for_too_much_is_told_so(placeholder: str) -> None:
    """Not that its brace belongs to none."""
    with pytest.raises(Refused) as refused:
        MessageTemplate.parse(f"{placeholder} {{OTP}}")
    assert refused.value.detail == f"{placeholder} stands for 1 to 500 characters"
