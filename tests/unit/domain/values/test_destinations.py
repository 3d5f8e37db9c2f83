import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.document_rules import problems_of
from onema.domain.records import Channel
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.destinations import NumberType, number_type
from onema.domain.values.phone import Phone, country_of, parse_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = [kind for kind in NumberType if kind is not NumberType.UNKNOWN]


def according_to_phonenumbers(phone: str) -> str:
    kind = phonenumbers.number_type(phonenumbers.parse(phone, None))
    return phonenumbers.PhoneNumberType.to_string(kind).lower()


def refusal(phone: str, channel: Channel, *destinations: str) -> Refusal | None:
    account = AccountView(doc.Account(name="shop", countries=("*",), destinations=destinations), (), ())
    try:
        account.admit_destination(Phone(phone), "VN", channel)
    except Refused as refused:
        return refused.refusal
    return None


@pytest.mark.parametrize(
    ("raw", "country", "kind"),
    [
        ("0901888484", "VN", NumberType.MOBILE),
        ("13911281234", "CN", NumberType.MOBILE),
        ("02438241234", "VN", NumberType.FIXED_LINE),
        ("19001234", "VN", NumberType.PREMIUM_RATE),
        ("1900123456", "VN", NumberType.PREMIUM_RATE),
        ("18001234", "VN", NumberType.TOLL_FREE),
        ("2015550123", "US", NumberType.FIXED_LINE_OR_MOBILE),
        ("07012345678", "GB", NumberType.PERSONAL_NUMBER),
        ("05012345678", "JP", NumberType.VOIP),
        ("+80012345678", "VN", NumberType.TOLL_FREE),
    ],
)
def test_knows_what_kind_of_number_a_phone_is(raw: str, country: str, kind: NumberType) -> None:
    """By libphonenumber's metadata."""
    phone = parse_phone(raw, country)
    assert number_type(phone, country_of(phone)) is kind


@pytest.mark.parametrize("region", REGIONS)
def test_agrees_with_phonenumbers_on_every_example(region: str) -> None:
    """One number of every type in every region."""
    for kind in range(PhoneNumberType.VOICEMAIL + 1):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None:
            phone = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            assert number_type(Phone(phone), country_of(Phone(phone))) == according_to_phonenumbers(phone)


def test_agrees_with_phonenumbers_on_every_prefix_of_vietnam() -> None:
    """All beginnings of four digits, in every length that has numbers."""
    for beginning in range(10_000):
        for rest in ("1234", "12345", "123456"):
            phone = f"+84{beginning:04d}{rest}"
            assert number_type(Phone(phone), "VN") == according_to_phonenumbers(phone), phone


@settings(max_examples=500)
@given(st.sampled_from(REGIONS), st.from_regex(r"\A[1-9][0-9]{5,11}\Z"))
def test_agrees_with_phonenumbers_on_any_number(region: str, digits: str) -> None:
    """Whichever way answers."""
    phone = f"+{phonenumbers.country_code_for_region(region)}{digits}"
    assert number_type(Phone(phone), country_of(Phone(phone))) == according_to_phonenumbers(phone)


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("kind", TYPES)
def test_only_phones_that_a_channel_reaches_are_sent_to(channel: Channel, kind: NumberType) -> None:
    """A call also reaches a landline; nothing is sent to numbers that cost who calls them, or that no person has."""
    reached = {NumberType.MOBILE, NumberType.FIXED_LINE_OR_MOBILE}
    if channel is Channel.CALL:
        reached.add(NumberType.FIXED_LINE)
    for phone in _examples(kind):
        refused = None if kind in reached else Refusal.DESTINATION_NOT_ALLOWED
        assert refusal(phone, channel) is refused, phone


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("kind", TYPES)
def test_an_account_may_have_more_destinations(channel: Channel, kind: NumberType) -> None:
    """Those that it names, on every channel, besides the usual ones."""
    for phone in _examples(kind):
        assert refusal(phone, channel, kind.value) is None
    assert refusal("+84901888484", channel, kind.value) is None


def test_a_destination_that_nobody_knows_is_refused_when_it_is_saved() -> None:
    """With the choices."""
    (problem,) = problems_of(doc.Account(name="shop", destinations=("landline",)))
    assert "'landline'" in str(problem)
    assert "fixed_line, toll_free, premium_rate" in str(problem)
    assert list(problems_of(doc.Account(name="shop", destinations=("fixed_line", "voip")))) == []


def _examples(kind: NumberType) -> list[Phone]:
    """What phonenumbers gives as an example and calls so: it gives mobiles and landlines that cannot be told apart."""
    found = [
        phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for region in REGIONS
        for wanted in range(PhoneNumberType.VOICEMAIL + 1)
        if (number := phonenumbers.example_number_for_type(region, wanted))
    ]
    examples = [Phone(phone) for phone in found if according_to_phonenumbers(phone) == kind.value]
    assert examples
    return examples
