import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import decode_document, encode_document
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.document_rules import (
    LARGEST_NUMBER,
    LONGEST_TEXT,
    LONGEST_WINDOW,
    problems_of,
)
from onema.domain.configuration.rules import After, problems
from onema.domain.keyring import NONCE_BYTES, Keyring

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"
KEYRING = Keyring(b"k" * 32)


def account(**fields: object) -> doc.Account:
    return doc.Account(name="acme", **fields)  # type: ignore[arg-type]  # each case gives a field that fits its type


def rates(*rates: doc.Rate) -> doc.Tariff:
    return doc.Tariff(name="default", rates=rates)


@pytest.mark.parametrize(
    ("document", "place", "complaint"),
    [
        (account(floor="NaN"), "floor", "not an amount"),
        (account(wallet="postpaid", floor="NaN"), "floor", "not an amount"),
        (account(credit_limit="-1"), "credit_limit", "must not be negative"),
        (account(credit_limit="1e9"), "credit_limit", "not an amount"),
        (doc.Application(account="acme", name="a", recall_times=0), "recall_times", "1 to 5, not 0"),
        (doc.Application(account="acme", name="a", recall_times=6), "recall_times", "1 to 5, not 6"),
        (doc.Application(account="acme", name="a", recall_delay=4), "recall_delay", "5 to 3,600 seconds"),
        (doc.Application(account="acme", name="a", recall_delay=3_601), "recall_delay", "5 to 3,600 seconds"),
        (account(wallet_expires_at="tomorrow"), "wallet_expires_at", "write it as 2026-12-31 or"),
        (account(allowed_ips=("10.0.0.1", "10.0.0.300")), "allowed_ips[1]", "10.0.0.300"),
        (account(allowed_ips=("10.0.0.0-9",)), "allowed_ips[0]", "is not an address or network such as"),
        (account(countries=("VN", "Vietnam")), "countries[1]", "ISO country code"),
        (account(country="84"), "country", "ISO country code"),
        (account(currency="dong"), "currency", "three capital letters"),
        (
            account(windows=(doc.WindowLimit(per="phone", seconds=2**63 - 1, limit=5),)),
            "windows[0].seconds",
            "at most 31,622,400 seconds",
        ),
        (
            account(windows=(doc.WindowLimit(per="phone", seconds=60, limit=2**60),)),
            "windows[0].limit",
            "at most",
        ),
        (
            account(windows=(doc.WindowLimit(per="phone", seconds=60, limit=5),) * 2),
            "windows",
            "2 limits per phone and 60 seconds",
        ),
        (
            rates(doc.Rate(channel="sms", price="1"), doc.Rate(channel="sms", price="2")),
            "rates[1]",
            "a price for sms to + already, in rates[0]",
        ),
        (rates(doc.Rate(channel="call", price="1", period=10**9)), "rates[0].period", "at most 86,400"),
        (doc.Brandname(account="acme", name="   "), "name", "no space at its ends"),
        (doc.Brandname(account="acme", name="Shop "), "name", "no space at its ends"),
        (
            doc.Brandname(account="acme", name="Shop", expires_at="31/12/2026"),
            "expires_at",
            "'31/12/2026' is not",
        ),
        (
            doc.Template(account="acme", brandname="Shop", text="Hi {name}"),
            "",
            "a brace that belongs to no {OTP}",
        ),
        (doc.Template(account="acme", brandname="Shop", text="a\0b"), "text", "NUL"),
        (doc.Application(account="acme", name="otp", sentence="a\ud800"), "sentence", "half of a pair"),
        (doc.Application(account="acme", name="otp", sentence="a" * 1_001), "sentence", "1,000 characters"),
        (doc.Carrier(name="c", type="t", settings={"tls": {"key": "a\0"}}), "settings.tls.key", "NUL"),
        (
            doc.Carrier(name="c", type="t", settings={"a": [1.5, float("inf")]}),
            "settings.a[1]",
            "ordinary number",
        ),
        (
            doc.Carrier(name="c", type="t", settings={"key": "k" * (LONGEST_TEXT + 1)}),
            "settings.key",
            "the most",
        ),
        (doc.Carrier(name="c", type="t", capacity=2**40), "capacity", "at most"),
        (doc.Credential(account="acme", dialect="esms", key="K", secret="abc"), "secret", "3 characters"),
        (doc.User(name="ann", password_hash="correct horse"), "password_hash", "is not an argon2id hash"),
        (doc.Hotline(pool="p", number="+8424", daily_cap=2**60), "daily_cap", "at most"),
        (doc.Route(channel="sms", carrier="c", priority=-(2**60)), "priority", "further from 0"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(
    document: doc.Document, place: str, complaint: str
) -> None:
    """Each is one problem, at the field where it must be put right."""
    (problem,) = problems_of(document)
    assert problem.place == place
    assert complaint in problem.sentence


@pytest.mark.parametrize(
    "document",
    [
        account(
            wallet_expires_at="2026-12-31", floor="-5", countries=("*",), allowed_ips=("10.0.0.0/8", "::1")
        ),
        account(windows=(doc.WindowLimit(per="phone", seconds=LONGEST_WINDOW, limit=LARGEST_NUMBER),)),
        account(callback_url="https://user:word@example.com:8443/cb?k=1"),
        rates(doc.Rate(channel="sms", price="1"), doc.Rate(channel="call", price="1", prefix="+84")),
        doc.Brandname(account="acme", name="My Shop", expires_at="2026-12-31T23:59:59+07:00"),
        doc.Template(account="acme", brandname="Shop", text="C:\\u0000 is a path, {OTP}"),
        doc.Credential(account="acme", dialect="esms", key="K", secret="12345678"),
        doc.User(name="ann", password_hash=HASH),
    ],
)
def test_what_may_be_meant_is_taken(document: doc.Document) -> None:
    """The edges of what is allowed."""
    assert list(problems_of(document)) == []


ODD = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "850.5",
        "NaN",
        "1e5",
        "2026-12-31",
        "0001-01-01T00:00:00+14:00",
        "10.0.0.1",
        "::/0",
        "VN",
        "+84",
    ]
)
SEVERAL = st.lists(ODD, max_size=2).map(tuple)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 100)
ACCOUNTS = st.builds(
    doc.Account,
    name=st.just("acme"),
    country=ODD,
    countries=SEVERAL,
    allowed_ips=SEVERAL,
    windows=st.none()
    | st.lists(
        st.builds(doc.WindowLimit, per=st.just("phone"), seconds=NUMBERS, limit=NUMBERS), max_size=2
    ).map(tuple),
    wallet=st.sampled_from(["prepaid", "postpaid"]),
    currency=ODD,
    floor=ODD,
    credit_limit=st.none() | ODD,
    wallet_expires_at=ODD,
    callback_url=ODD,
)
TARIFFS = st.builds(
    doc.Tariff,
    name=st.just("default"),
    rates=st.lists(
        st.builds(doc.Rate, channel=st.sampled_from(["sms", "call"]), price=ODD, prefix=ODD, period=NUMBERS),
        max_size=2,
    ).map(tuple),
)
OTHERS = st.one_of(
    st.builds(doc.Brandname, account=st.just("acme"), name=ODD, expires_at=ODD),
    st.builds(
        doc.Application, account=st.just("acme"), name=ODD, appid=ODD, allowed_ips=SEVERAL, sentence=ODD
    ),
    st.builds(doc.Credential, account=st.just("acme"), dialect=st.just("esms"), key=ODD, secret=ODD),
)


@given(ACCOUNTS, TARIFFS, OTHERS)
def test_whatever_is_taken_can_be_used_and_stored(
    account: doc.Account, tariff: doc.Tariff, other: doc.Document
) -> None:
    """No rule is missing: a directory can be built of it, and it comes back from the store as it was."""
    documents = {(one.kind, one.identity): one for one in (account, tariff, other)}
    if any(problems(After({}, documents))):
        return
    Directory(documents)
    for document in documents.values():
        stored = encode_document(document, KEYRING, bytes(NONCE_BYTES))
        assert b"\0" not in stored
        assert decode_document(stored, KEYRING) == document
