"""What a preview says of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.sms_preview import preview_text
from onema.domain.values.sms_sender import SenderKind, sender_kind, sender_problem
from onema.domain.values.sms_text import segments, split

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
TEXTS = st.text(
    st.sampled_from("abc 09{}€[]ạếốđÀ’“ñ中😀\N{ZERO WIDTH JOINER}") | st.characters(codec="utf-8"),
    max_size=400,
)


@given(TEXTS)
def test_a_preview_is_what_is_sent_and_priced(text: str) -> None:
    """The same parts, which fill up as said; a text is UCS-2 for the characters that it names, and for no others."""
    found, whole = preview_text(text), segments(text)
    assert [part.text for part in found.parts] == split(text)
    assert (found.encoding, found.segments, found.units) == (whole.encoding.value, whole.count, whole.units)
    assert sum(part.units for part in found.parts) == whole.units
    assert found.units_left >= 0
    assert bool(found.outsiders) == (found.encoding == "ucs2")
    for one in found.outsiders:
        assert [text[place] for place in one.at] == [one.character] * text.count(one.character)
    without = text.translate({ord(one.character): None for one in found.outsiders})
    assert preview_text(without).encoding == "gsm7"


@given(TEXTS)
def test_one_unit_more_than_is_left_takes_another_segment(text: str) -> None:
    """And what is left fits."""
    found = preview_text(text)
    assert preview_text(text + "a" * found.units_left).segments == found.segments
    assert preview_text(text + "a" * (found.units_left + 1)).segments > found.segments


def test_a_single_character_is_named_with_its_place() -> None:
    """And what the text would take without it."""
    text = "Your code is 482913. Don’t share it with anybody, not even with us: we never ask for it."
    found = preview_text(text)
    (one,) = found.outsiders
    assert (one.character, one.code_point, one.name) == ("’", "U+2019", "RIGHT SINGLE QUOTATION MARK")
    assert one.at == (24,)
    assert (found.encoding, found.segments, found.gsm_segments) == ("ucs2", 2, 1)


def test_folding_says_what_it_saves() -> None:
    """Nothing is said of a text that it leaves as it is."""
    text = "482913 là mã xác thực của bạn. Không chia sẻ mã này với bất kỳ ai, kể cả nhân viên."
    folded = preview_text(text).folded
    assert folded is not None
    assert (
        folded.text == "482913 la ma xac thuc cua ban. Khong chia se ma nay voi bat ky ai, ke ca nhan vien."
    )
    assert (folded.encoding, folded.segments, folded.saves) == ("gsm7", 1, 1)
    assert preview_text("482913 is your code’s twin").folded is None


@pytest.mark.parametrize(
    ("before", "cut"), [(65, True), (64, True), (60, True), (59, False), (66, False), (0, False)]
)
def test_an_edge_within_a_joined_cluster_is_told(before: int, cut: bool) -> None:
    """Counters that keep such a cluster together show other segments."""
    assert preview_text("x" * before + FAMILY + " and friends").cuts_cluster is cut


@pytest.mark.parametrize(
    ("sender", "kind", "is_one"),
    [
        ("Acme", SenderKind.ALPHANUMERIC, True),
        ("Acme 24-7", SenderKind.ALPHANUMERIC, True),
        ("AcmeCompanyX", SenderKind.ALPHANUMERIC, False),
        ("Côté", SenderKind.ALPHANUMERIC, False),
        ("A\nB", SenderKind.ALPHANUMERIC, False),
        ("+84901888484", SenderKind.NUMBER, True),
        ("84901888484", SenderKind.NUMBER, True),
        ("0" * 21, SenderKind.NUMBER, False),
        ("8049", SenderKind.SHORT_CODE, True),
    ],
)
def test_a_sender_is_of_a_kind_and_is_one_or_not(sender: str, kind: SenderKind, is_one: bool) -> None:
    """By its letters and its length."""
    assert sender_kind(sender) is kind
    assert (sender_problem(sender) == "") is is_one
