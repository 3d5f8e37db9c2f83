import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.values.sms_text import (
    GSM_DEFAULT,
    GSM_EXTENSION,
    Encoding,
    Segmentation,
    encoding_of,
    fold,
    gsm_octets,
    segments,
    split,
)

GSM_CHARACTERS = GSM_DEFAULT.replace("\x1b", "") + "".join(GSM_EXTENSION)

# Spelled by hand in the order of a Vietnamese primer, independently of the module's table.
VIETNAMESE_LOWER = [
    *"áàảãạăắằẳẵặâấầẩẫậđéèẻẽẹêếềểễệíìỉĩị",
    *"óòỏõọôốồổỗộơớờởỡợúùủũụưứừửữựýỳỷỹỵ",
]
VIETNAMESE = VIETNAMESE_LOWER + [letter.upper() for letter in VIETNAMESE_LOWER]

gsm_text = st.text(alphabet=GSM_CHARACTERS, max_size=700)
any_text = st.text(alphabet="aé{€ếĐ中😀\n\0", max_size=400) | st.text(max_size=400) | gsm_text
vietnamese_text = st.text(alphabet=[*VIETNAMESE, *"aeiouydbcAEI 0."], max_size=80)


def units(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return sum(2 if character in GSM_EXTENSION else 1 for character in text)
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def test_the_alphabet_has_its_137_characters() -> None:
    """127 in the default table, where 0x1B is the escape, and 10 in the extension (3GPP TS 23.038, 6.2.1)."""
    assert len(GSM_DEFAULT) == 128
    assert len(set(GSM_CHARACTERS)) == len(GSM_CHARACTERS) == 137


@pytest.mark.parametrize(
    ("character", "octets"),
    [
        ("@", b"\x00"),
        ("$", b"\x02"),
        ("Ç", b"\x09"),
        ("\n", b"\x0a"),
        ("\r", b"\x0d"),
        ("Δ", b"\x10"),
        ("_", b"\x11"),
        ("Ξ", b"\x1a"),
        ("Æ", b"\x1c"),
        ("É", b"\x1f"),
        (" ", b"\x20"),
        ("¤", b"\x24"),
        ("¡", b"\x40"),
        ("A", b"\x41"),
        ("Z", b"\x5a"),
        ("Ä", b"\x5b"),
        ("§", b"\x5f"),
        ("¿", b"\x60"),
        ("z", b"\x7a"),
        ("ä", b"\x7b"),
        ("à", b"\x7f"),
        ("\f", b"\x1b\x0a"),
        ("^", b"\x1b\x14"),
        ("{", b"\x1b\x28"),
        ("\\", b"\x1b\x2f"),
        ("[", b"\x1b\x3c"),
        ("~", b"\x1b\x3d"),
        ("|", b"\x1b\x40"),
        ("€", b"\x1b\x65"),
    ],
)
def test_septets_of_the_standard(character: str, octets: bytes) -> None:
    """Corners of both tables of 3GPP TS 23.038."""
    assert gsm_octets(character) == octets


@given(gsm_text)
def test_septets_are_as_many_as_counted(text: str) -> None:
    """What is priced is what is encoded."""
    assert len(gsm_octets(text)) == segments(text).units


@pytest.mark.parametrize("text", ["`", "ç", "ế", "\x1b", "\0", "😀", "\t"])
def test_other_characters_need_ucs2(text: str) -> None:
    """Characters close to the alphabet are not in it; the escape is not a character."""
    assert encoding_of(f"ma {text}") is Encoding.UCS2
    with pytest.raises(ValueError, match="outside"):
        gsm_octets(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segmentation(Encoding.GSM7, 1, 0)),
        ("a" * 160, Segmentation(Encoding.GSM7, 1, 160)),
        ("a" * 161, Segmentation(Encoding.GSM7, 2, 161)),
        ("a" * 306, Segmentation(Encoding.GSM7, 2, 306)),
        ("a" * 307, Segmentation(Encoding.GSM7, 3, 307)),
        ("€" * 80, Segmentation(Encoding.GSM7, 1, 160)),
        ("€" * 81, Segmentation(Encoding.GSM7, 2, 162)),
        # 153 is odd, so each part of pairs wastes a septet: 306 septets need a third part.
        ("€" * 153, Segmentation(Encoding.GSM7, 3, 306)),
        ("a" * 152 + "€" + "a" * 152, Segmentation(Encoding.GSM7, 3, 306)),
        ("ế" * 70, Segmentation(Encoding.UCS2, 1, 70)),
        ("ế" * 71, Segmentation(Encoding.UCS2, 2, 71)),
        ("ế" * 134, Segmentation(Encoding.UCS2, 2, 134)),
        ("ế" * 135, Segmentation(Encoding.UCS2, 3, 135)),
        ("😀" * 35, Segmentation(Encoding.UCS2, 1, 70)),
        ("😀" * 67, Segmentation(Encoding.UCS2, 3, 134)),
    ],
)
def test_counts_segments(text: str, expected: Segmentation) -> None:
    """160 or 153 septets, 70 or 67 UTF-16 units; pairs that are not split make parts shorter."""
    assert segments(text) == expected


def test_an_escape_pair_is_not_split() -> None:
    """The pair that would straddle the boundary begins the next part."""
    assert split("a" * 152 + "€" + "b" * 20) == ["a" * 152, "€" + "b" * 20]


def test_a_surrogate_pair_is_not_split() -> None:
    """The character that would straddle the boundary begins the next part."""
    assert split("ế" * 66 + "😀" + "a" * 10) == ["ế" * 66, "😀" + "a" * 10]


@given(any_text)
def test_parts_joined_are_the_text(text: str) -> None:
    """Nothing is lost or doubled, and the parts are as many as counted."""
    parts = split(text)
    assert "".join(parts) == text
    assert len(parts) == segments(text).count


@given(any_text)
def test_every_part_fits_and_none_could_be_longer(text: str) -> None:
    """Parts are within their limit, and full: the next character would not have fitted."""
    encoding, parts = encoding_of(text), split(text)
    whole, part_limit = (160, 153) if encoding is Encoding.GSM7 else (70, 67)
    limit = whole if len(parts) == 1 else part_limit
    assert all(units(part, encoding) <= limit for part in parts)
    for part, following in itertools.pairwise(parts):
        assert units(part + following[0], encoding) > limit


@given(any_text)
def test_units_are_what_the_encoding_takes(text: str) -> None:
    """Units agree with an independent count, and one segment is never taken where two are needed."""
    segmentation = segments(text)
    assert segmentation.units == units(text, segmentation.encoding)
    whole = 160 if segmentation.encoding is Encoding.GSM7 else 70
    assert (segmentation.count == 1) == (segmentation.units <= whole)


def test_there_are_134_vietnamese_letters_to_fold() -> None:
    """67 accented letters in two cases, each to its own ASCII letter."""
    assert len(set(VIETNAMESE)) == 134
    assert (
        fold("".join(VIETNAMESE_LOWER)) == "a" * 17 + "d" + "e" * 11 + "i" * 5 + "o" * 17 + "u" * 11 + "y" * 5
    )
    assert fold("".join(VIETNAMESE)).isascii()


def test_folding_saves_a_segment() -> None:
    """87 accented characters cost two segments of 67, folded one of up to 160 (3GPP TS 23.038 and 23.040)."""
    text = ("Mã xác minh đăng ký của bạn là 123456, có hiệu lực trong 5 phút. Không chia sẻ với ai!!!")[:87]
    assert segments(text) == Segmentation(Encoding.UCS2, 2, 87)
    assert segments(fold(text)) == Segmentation(Encoding.GSM7, 1, 87)


@given(vietnamese_text)
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    """NFC and NFD spell the same letters."""
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(text).isascii()


@pytest.mark.parametrize("letter", VIETNAMESE)
def test_half_composed_letters_fold(letter: str) -> None:
    """A letter with its tone as a separate mark, as Windows-1258 keyboards write it."""
    decomposed = unicodedata.normalize("NFD", letter)
    for marks in (decomposed[1:], decomposed[:0:-1]):
        half = unicodedata.normalize("NFC", decomposed[0] + marks[:1]) + marks[1:]
        if unicodedata.normalize("NFC", half) == letter:
            assert fold(half) == fold(letter)


@pytest.mark.parametrize(
    "text", ["ñ", "n\u0303", "å", "a\u030a", "ç", "ß", "ö", "ĕ", "á\u0301", "验证码", "Привет", "😀", "„…“"]
)
def test_other_text_is_left_alone(text: str) -> None:
    """Only the 134 letters change, not what merely looks accented."""
    assert fold(f"{text} x") == f"{text} x"


def test_accents_shared_with_other_languages_fold() -> None:
    """Some of the 134 are French or Spanish letters too; they cannot be told apart."""
    assert fold("café à la señorita") == "cafe a la señorita"


@given(any_text | vietnamese_text | st.text(alphabet="aeáếêdđn\u0301\u0302\u0303\u0308", max_size=30))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    """Fold is idempotent."""
    assert fold(fold(text)) == fold(text)
