"""A text as an account would send it: price, sender, notes."""

from collections.abc import Callable

import pytest

from onema.domain.codes.preview_sms import Customer, destination_of, preview_sms
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.template_matching import LONGEST_MESSAGE
from onema.domain.refusals import Refusal, Refused

NOW = 1_795_800_000_000
TEXT = "{OTP} là mã xác thực của bạn. Không chia sẻ mã này với bất kỳ ai, kể cả nhân viên."


def customer(*documents: doc.AnyDocument, **account: str) -> Customer:
    found = (
        doc.Tariff(
            name="default",
            rates=(
                doc.Rate(channel="sms", price="850.5", prefix="+84"),
                doc.Rate(channel="sms", price="2000"),
            ),
        ),
        doc.Account(name="acme", number=1, **account),  # type: ignore[arg-type]  # texts only
        *documents,
    )
    directory = Directory({(one.kind, one.identity): one for one in found})
    return Customer(directory, directory.account_named["acme"], NOW)


def test_a_price_is_that_of_the_accounts_tariff() -> None:
    """By the phone, or by how it begins; folded, too, where that changes the text."""
    acme = customer()
    price = preview_sms(TEXT, to="+84", customer=acme).price
    assert price is not None
    assert (price.currency, price.segment, price.total, price.folded) == ("VND", "850.5", "1701", "850.5")
    price = preview_sms("Hello", to="+6591234567", customer=acme).price
    assert price is not None
    assert (price.segment, price.total, price.folded) == ("2000", "2000", None)
    assert preview_sms(TEXT, customer=acme).price is preview_sms(TEXT, to="+84").price is None


def test_a_destination_without_a_price_is_refused() -> None:
    """As a message to there is."""
    with pytest.raises(Refused) as refused:
        preview_sms(TEXT, to="+84", customer=customer(doc.Tariff(name="default")))
    assert refused.value.refusal is Refusal.PRICE_MISSING


def test_the_marker_counts_as_a_code() -> None:
    """Its braces are none of the text: each of them would take two septets."""
    found = preview_sms("{OTP} is your code", code_length=4)
    assert (found.preview.text, found.preview.units) == ("0000 is your code", 17)
    assert any("4 digits" in note for note in found.notes)


def test_a_text_is_looked_at_as_it_is_sent() -> None:
    """Composed, with single spaces, without what cannot be seen."""
    found = preview_sms("ma\u0303  OK\u200b")
    assert found.preview.text == "mã OK"
    assert "plain form" in found.notes[0]
    assert preview_sms("mã OK").notes[:1] != found.notes[:1]


def test_a_single_character_and_a_cut_cluster_are_notes() -> None:
    """In sentences for people."""
    (note,) = preview_sms("x" * 80 + "’").notes
    assert "U+2019 RIGHT SINGLE QUOTATION MARK" in note
    assert "1 segment instead of 2" in note
    (note,) = preview_sms("x" * 60 + "ạ’’" + "x" * 2 + "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} x").notes
    assert "zero-width joiner" in note


@pytest.mark.parametrize(
    ("sender", "state"),
    [("Acme", "active"), ("Off", "inactive"), ("Old", "expired"), ("acme", "unknown"), ("8049", "unknown")],
)
def test_a_sender_is_judged_as_a_brandname_of_the_account(sender: str, state: str) -> None:
    """Spelled exactly; without an account nobody asks."""
    acme = customer(
        doc.Brandname(account="acme", name="Acme"),
        doc.Brandname(account="acme", name="Off", state="inactive"),
        doc.Brandname(account="acme", name="Old", expires_at="2026-11-26"),
    )
    judged = preview_sms(TEXT, sender=sender, customer=acme).sender
    assert judged is not None
    assert judged.brandname == state
    alone = preview_sms(TEXT, sender=sender).sender
    assert alone is not None
    assert alone.brandname is None
    assert preview_sms(TEXT, customer=acme).sender is None


def test_a_signature_is_part_of_the_text_where_it_is_sent() -> None:
    """It is counted and priced."""
    acme = customer(doc.Brandname(account="acme", name="Acme", registered={"signature": "某某"}))
    found = preview_sms("您的验证码是{OTP}", sender="Acme", to="+8613800138000", customer=acme)
    assert found.preview.text == "【某某】您的验证码是000000"
    assert preview_sms("{OTP}", sender="Acme", to="+84", customer=acme).preview.text == "000000"
    signed = preview_sms("【某某】{OTP}", sender="Acme", to="+86", customer=acme)
    assert signed.preview.text == "【某某】000000"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+84", "+84"),
        ("+84 901 888 484", "+84901888484"),
        ("0901888484", "+84901888484"),
        ("84901888484", "+84901888484"),
    ],
)
def test_a_destination_is_a_phone_or_the_beginning_of_one(written: str, read: str) -> None:
    """National numbers are the account's country's."""
    assert destination_of(written, customer(country="VN").account) == read


@pytest.mark.parametrize(
    "ask",
    [
        lambda: preview_sms("x" * (LONGEST_MESSAGE + 1)),
        lambda: destination_of("0901888484", customer().account),
        lambda: destination_of("+", customer().account),
    ],
)
def test_what_cannot_be_looked_at_is_refused(ask: Callable[[], object]) -> None:
    """A text that no template takes, and what is no number."""
    with pytest.raises(Refused):
        ask()
