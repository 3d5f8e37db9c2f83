import re
import string

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.domain.refusals import Refusal, Refused
from onema.domain.values import phone as subject
from onema.domain.values.phone import UNKNOWN_COUNTRY, Phone, country_of, mask, parse_phone

NOT_EVERYDAY = "(?!)"
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FAST_REGIONS = [region for region in REGIONS if subject._everyday_mobile(region)[1].pattern != NOT_EVERYDAY]


def according_to_phonenumbers(raw: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def according_to_us(raw: str, country: str) -> str | None:
    try:
        return parse_phone(raw, country)
    except Refused:
        return None


def by_the_everyday_pattern(raw: str, country: str) -> str | None:
    prefix, pattern = subject._everyday_mobile(country)
    match = pattern.fullmatch(raw)
    return prefix + match["nsn"] if match else None


def region_metadata(region: str) -> phonenumbers.PhoneMetadata:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    assert metadata is not None
    return metadata


@st.composite
def spellings(draw: st.DrawFn, region: str) -> str:
    """Digits that look like a number of the region: real mobiles, near misses, and every way to begin."""
    metadata = region_metadata(region)
    descriptions = filter(None, (metadata.mobile, metadata.general_desc))
    patterns = {description.national_number_pattern or r"\d{2,13}" for description in descriptions}
    pattern = draw(st.sampled_from(sorted({*patterns, r"\d{2,13}"})))
    digits = draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    edit = draw(st.sampled_from(["none", "none", "more", "less"]))
    if edit == "more":
        digits += draw(st.sampled_from(string.digits))
    elif edit == "less":
        digits = digits[:-1]
    code = str(metadata.country_code)
    beginnings = [
        "",
        "0",
        code,
        f"{code}0",
        f"+{code}",
        f"+{code}0",
        f"00{code}",
        f"000{code}",
        "00",
        "8",
        "1",
        "+",
    ]
    return draw(st.sampled_from(beginnings)) + digits


@pytest.mark.parametrize(
    "raw",
    [
        "0901888484",
        "901888484",
        "84901888484",
        "+84901888484",
        "0084901888484",
        "0901.888.484",  # the vendor's own demo writes dots (docs/vendors/esms.md#phones)
        "0901 888 484",
        "0901-888-484",
        "(090) 188 8484",
        "+84 (0) 901 888 484",
        "(+84) 901888484",
        "0901\u00a0888\u2011484",
        " 84901888484",  # "+84..." in a query string that was not encoded
        " 0901888484 ",
        "0901888484\n",
    ],
)
def test_every_spelling_of_a_mobile_is_one_number(raw: str) -> None:
    """Codes are kept by the normalised number, however it was written."""
    assert parse_phone(raw, "VN") == "+84901888484"


@pytest.mark.parametrize(
    ("raw", "country", "phone"),
    [
        ("13812345678", "CN", "+8613812345678"),
        ("8613812345678", "CN", "+8613812345678"),
        ("008613812345678", "CN", "+8613812345678"),
        ("+8613812345678", "VN", "+8613812345678"),
        ("+84901888484", "CN", "+84901888484"),
        ("07400123456", "GB", "+447400123456"),
        ("2015550123", "US", "+12015550123"),
        ("01084901888484", "JP", "+84901888484"),
    ],
)
def test_numbers_of_other_countries(raw: str, country: str, phone: str) -> None:
    """National numbers belong to the given country; international ones say whose they are."""
    assert parse_phone(raw, country) == phone


@pytest.mark.parametrize(
    ("raw", "phone"),
    [
        (" 376312345", "+376312345"),  # Andorra
        (" 2203012345", "+2203012345"),  # the Gambia
        (" 2975601234", "+2975601234"),  # Aruba
        (" 5534990001234", "+5534990001234"),  # Brazil
        ("  (376) 312-345", "+376312345"),
        (" 84901888484", "+84901888484"),
        (" 0901888484", "+84901888484"),
        (" 0084901888484", "+84901888484"),
    ],
)
def test_a_space_that_was_a_plus_is_read_as_one(raw: str, phone: str) -> None:
    """A query turns "+" into a space; what follows is a country's code, unless it begins with a zero."""
    assert parse_phone(raw, "VN", space_is_plus=True) == phone


@given(st.from_regex(r"\A[1-9][0-9]{5,13}\Z"))
def test_no_lost_plus_reaches_another_number(digits: str) -> None:
    """Whatever follows the space is the number that its plus means, or none."""
    expected = according_to_us(f"+{digits}", "VN")
    try:
        assert parse_phone(f" {digits}", "VN", space_is_plus=True) == expected
    except Refused:
        assert expected is None


@pytest.mark.parametrize(
    ("raw", "country", "phone"),
    [
        (" 376312345", "VN", None),
        (" 13012345678", "CN", None),
        (" 84901888484", "VN", "+84901888484"),
        (" 901888484", "VN", "+84901888484"),
        (" 13912345678", "CN", "+8613912345678"),
        (" 376312345", "ES", "+376312345"),
    ],
)
def test_a_space_that_may_have_been_a_plus_is_never_guessed(
    raw: str, country: str, phone: str | None
) -> None:
    """Outside of queries the reading that is a number counts; where both are, neither."""
    assert according_to_us(raw, country) == phone


@pytest.mark.parametrize(
    ("raw", "country", "phone"),
    [
        ("02438251234", "VN", "+842438251234"),
        ("(024) 3825 1234", "VN", "+842438251234"),
        ("842838251234", "VN", "+842838251234"),
        ("010-62551234", "CN", "+861062551234"),
    ],
)
def test_landlines_with_their_area_code_are_numbers(raw: str, country: str, phone: str) -> None:
    """A code can be spoken to a landline."""
    assert parse_phone(raw, country) == phone


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "+",
        "0",
        "113",
        "090188848",
        "09018884840",
        "0101888484",
        "+84101888484",
        "+99901888484",
        "8613812345678",
        "0901888484 ext 5",
        "0901888484x5",
        "0901888484;ext=5",
        "tel:0901888484",
        "0901888484/0901888485",
        "0901888484,0901888485",
        "++84901888484",
        "84+901888484",
        "090188848A",
        "1800FLOWERS",
        "0901888484\0",
        "\x000901888484",
        "0901888484\ud800",
        "0901888484" + " " * 23,
        "0" * 10_000,
    ],
)
def test_refuses_what_is_not_exactly_one_valid_number(raw: str) -> None:
    """Too short or long, unassigned, more than a number, NUL, surrogates, absurd lengths."""
    with pytest.raises(Refused) as refused:
        parse_phone(raw, "VN")
    assert refused.value.refusal is Refusal.PHONE_INVALID


def test_a_refusal_does_not_repeat_the_number() -> None:
    """The detail may be logged."""
    with pytest.raises(Refused) as refused:
        parse_phone("+84101888484", "VN")
    assert "101888" not in refused.value.detail


@pytest.mark.parametrize("country", ["", "XX", "vn", "001"])
def test_an_unknown_country_has_no_national_numbers(country: str) -> None:
    """Only international spellings are numbers there."""
    assert according_to_us("0901888484", country) is None
    assert according_to_us("+84901888484", country) == "+84901888484"


def test_the_everyday_pattern_serves_the_countries_it_was_made_for() -> None:
    """The usual traffic does not pay for phonenumbers; shared calling codes such as +1 do."""
    assert {"VN", "CN", "FR", "DE", "TH", "SG"} <= set(FAST_REGIONS)
    assert not {"US", "GB", "RU"} & set(FAST_REGIONS)
    for raw in ("0901888484", "901888484", "84901888484", "+84901888484", "0084901888484"):
        assert by_the_everyday_pattern(raw, "VN") == "+84901888484"
    for raw in ("13812345678", "8613812345678", "+8613812345678", "008613812345678"):
        assert by_the_everyday_pattern(raw, "CN") == "+8613812345678"


@pytest.mark.parametrize("country", ["VN", "CN"])
@settings(max_examples=300)
@given(data=st.data())
def test_the_everyday_pattern_answers_as_phonenumbers_does(country: str, data: st.DataObject) -> None:
    """Where the pattern says yes, phonenumbers says the same number."""
    raw = data.draw(spellings(country))
    found = by_the_everyday_pattern(raw, country)
    assert found is None or found == according_to_phonenumbers(raw, country)


@settings(max_examples=600)
@given(data=st.data())
def test_every_country_answers_as_phonenumbers_does(data: st.DataObject) -> None:
    """Plain digits mean to us exactly what they mean to phonenumbers, whichever path answers."""
    country = data.draw(st.sampled_from(REGIONS))
    raw = data.draw(spellings(country))
    assert according_to_us(raw, country) == according_to_phonenumbers(raw, country)


@pytest.mark.parametrize("country", ["", "VN", "US", "DE"])
@given(data=st.data())
def test_a_number_with_a_plus_is_the_same_from_every_country(country: str, data: st.DataObject) -> None:
    """Whatever country it is of: phonenumbers is asked only where a pattern does not know it."""
    raw = data.draw(st.sampled_from(REGIONS).flatmap(spellings).filter(lambda raw: raw.startswith("+")))
    assert according_to_us(raw, country) == according_to_phonenumbers(raw, country)


@pytest.mark.parametrize("national", ["0140000000", "0160000000", "0121000000", "0901888484"])
def test_mobiles_that_are_new_in_vietnam_are_numbers(national: str) -> None:
    """140 is known from phonenumbers 9.0.40 on, 160 and 1210 from 9.0.31; what they had before stays refused."""
    assert parse_phone(national, "VN") == f"+84{national[1:]}"


def test_every_prefix_of_vietnamese_mobiles_answers_as_phonenumbers_does() -> None:
    """All 10,000 four-digit beginnings, with and without the country code."""
    for beginning in range(10_000):
        for raw in (f"0{beginning:04d}12345", f"84{beginning:04d}12345"):
            assert according_to_us(raw, "VN") == according_to_phonenumbers(raw, "VN"), raw


@pytest.mark.parametrize(
    "digits", ["０９０１８８８４８４", "٠٩٠١٨٨٨٤٨٤", "०९०१८८८४८४", "＋８４９０１８８８４８４", "+84٩٠١888484"]
)
def test_digits_of_every_script_are_digits(digits: str) -> None:
    """Full-width, Arabic-Indic, Devanagari, and mixed; the plus too."""
    assert parse_phone(digits, "VN") == "+84901888484"


@pytest.mark.parametrize(
    "raw",
    [
        "\u202a0901888484\u202c",
        "\u202d+84 901 888 484",
        "\u200e0901888484",
        "0901\u200b888484",
        "0901\u2060888\u2060484",
        "\u2066+84901888484\u2069",
        "\ufeff0901888484",
        "0901\u00ad888484",
        "0901888484\ufe0d",
        "0901\u2009888\u2009484",
        "0901\u2007888\u2007484",
        "0901\u2212888\u2212484",
        "0901\u2014888\u2014484",
        "（090）1888484",
        "\u200b 84901888484",
    ],
)
def test_what_pasting_adds_to_a_number_is_nothing(raw: str) -> None:
    """Bidi marks, zero-width spaces, byte order marks, soft hyphens, variation selectors; spaces and dashes."""
    assert parse_phone(raw, "VN") == "+84901888484"
    assert parse_phone(raw, "VN", space_is_plus=True) == "+84901888484"


@given(data=st.data())
def test_separators_change_nothing(data: st.DataObject) -> None:
    """Dots, dashes, spaces and brackets may stand anywhere."""
    digits = data.draw(st.sampled_from(["0901888484", "+84901888484", "0084901888484", "02438251234"]))
    gaps = st.lists(st.sampled_from(" .-()"), max_size=1).map("".join)
    raw = "".join(data.draw(gaps) + digit for digit in digits)
    assert parse_phone(raw, "VN") == parse_phone(digits, "VN")


@given(st.text(max_size=40) | st.text(alphabet="+0123456789 ()-.\0\ud800", max_size=33))
def test_any_text_is_a_canonical_number_or_refused(raw: str) -> None:
    """Nothing but Refused is raised, and a number parses to itself."""
    phone = according_to_us(raw, "VN")
    if phone is not None:
        assert re.fullmatch(r"\+[0-9]{6,17}", phone)
        assert parse_phone(phone, "VN") == phone


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+84901888484", "VN"),
        ("+842438251234", "VN"),
        ("+8613812345678", "CN"),
        ("+85291234567", "HK"),
        ("+12015550123", "US"),
        ("+15062345678", "CA"),
        ("+77012345678", "KZ"),
        ("+79012345678", "RU"),
        ("+447400123456", "GB"),
        ("+447700312345", "JE"),
        ("+80012345678", "001"),
    ],
)
def test_knows_the_country_of_a_number(phone: str, country: str) -> None:
    """By its calling code, or by the whole number where countries share the code."""
    assert country_of(Phone(phone)) == country


@pytest.mark.parametrize("region", REGIONS)
def test_agrees_with_phonenumbers_on_the_country_of_every_example(region: str) -> None:
    """Mobile and landline examples of all regions."""
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None:
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert country_of(Phone(phone)) == phonenumbers.region_code_for_number(number)


@pytest.mark.parametrize("text", ["", "+", "+1", "no number", "+0901888484", "0901888484", "\0"])
def test_what_is_no_number_has_no_country(text: str) -> None:
    """It is then in nobody's list of allowed countries."""
    assert country_of(Phone(text)) == UNKNOWN_COUNTRY


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+84901888484", "+84****484"),
        ("+8613812345678", "+861****678"),
        ("0901888484", "090****84"),
        ("113", "1****"),
        ("7", "****"),
        ("", "****"),
        ("+8\r\n01888484", "???****484"),
    ],
)
def test_masks_a_number_for_logs(text: str, masked: str) -> None:
    """Enough stays to recognise a number that one already knows."""
    assert mask(text) == masked


@given(st.text(st.characters(exclude_characters="*"), max_size=60))
def test_a_mask_never_shows_more_than_half(text: str) -> None:
    """Also of what is no number: at most 4 characters in front, 3 behind, half in all, and all printable."""
    head, tail = mask(text).rsplit("****", 1)
    assert len(head) <= 4
    assert len(tail) <= 3
    assert len(head) + len(tail) <= len(text) / 2
    assert mask(text).isascii()
    assert mask(text).isprintable()


@pytest.mark.parametrize("number", ["+12125550123", "+61491570006", "+4915228817386", "+46701740605"])
def test_films_numbers_of_these_countries_fit_for_a_sandbox(number: str) -> None:
    """docs/api.md names them, so the numbering data must still have them."""
    assert according_to_us(number, UNKNOWN_COUNTRY) == number


@pytest.mark.parametrize("number", ["+447700900123", "+33639981234", "+353209105555"])
def test_films_numbers_of_these_countries_are_no_numbers(number: str) -> None:
    """docs/api.md says so, for whoever tries one first."""
    assert according_to_us(number, UNKNOWN_COUNTRY) is None
