"""What doctor and apply say of registrations."""

from collections.abc import Mapping

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.needs import Need
from onema.domain.configuration.registration_advice import SOON_MS, registration_advice
from onema.domain.configuration.rules import After

NOW = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""
DLT = {"smsc": (Need("entity_id", "+91"), Need("dlt_id", "+91"), Need("signature", "+86"))}
INDIAN = doc.Account(name="acme", countries=("IN", "VN"))


def told(*documents: doc.Document, needs: Mapping[str, tuple[Need, ...]] = DLT) -> list[str]:
    every = (
        INDIAN,
        doc.Brandname(account="acme", name="Shop"),
        doc.Template(account="acme", brandname="Shop", text="{OTP}"),
        doc.Carrier(name="smsc", type="test"),
        doc.Route(channel="sms", carrier="smsc"),
        *documents,
    )
    keyed = {(document.kind, document.identity): document for document in every}
    return [str(problem) for _, problem in registration_advice(After({}, keyed), needs, NOW)]


def test_a_text_that_no_carrier_would_take_is_told_of() -> None:
    """With each fact that is missing, where the account's countries ask for it."""
    place = "accounts[acme].brandnames[Shop].templates[{OTP}].registered"
    assert told() == [
        f"{place}: carrier 'smsc' takes no text to +91 without entity_id",
        f"{place}: carrier 'smsc' takes no text to +91 without dlt_id",
    ]


@pytest.mark.parametrize(
    "documents",
    [
        (doc.Account(name="acme", countries=("VN",)),),
        (doc.Account(name="acme", countries=("*",)),),
        (doc.Account(name="acme", countries=("IN",), registered={"entity_id": "1", "dlt_id": "2"}),),
        (doc.Application(account="acme", name="app", registered={"entity_id": "1", "dlt_id": "2"}),),
        (doc.Carrier(name="smsc", type="test", registered={"entity_id": "1", "dlt_id": "2"}),),
        (doc.Carrier(name="smsc", type="test", state="inactive"),),
        (doc.Brandname(account="acme", name="Shop", state="inactive"),),
        (doc.Template(account="acme", brandname="Shop", text="{OTP}", state="inactive"),),
    ],
)
def test_nothing_is_said_where_nothing_is_missing(documents: tuple[doc.Document, ...]) -> None:
    """Elsewhere, or registered by any of the documents, or not in use."""
    assert told(*documents) == []


def test_a_carrier_that_no_route_names_asks_for_nothing() -> None:
    """It takes no text at all."""
    other = doc.Carrier(name="other", type="test")
    assert told(other, needs={"other": (Need("x"),)}) == []


@pytest.mark.parametrize(
    ("expires_at", "complaint"),
    [
        ("2027-01-15", "registrations[0]: it has expired: the brandname is not sent to CN at smsc"),
        ("2027-01-25T08:00", "registrations[0]: it expires in 10 days; then nothing is sent to CN at smsc"),
        ("2027-02-14T08:00", "registrations[0]: it expires in 30 days; then nothing is sent to CN at smsc"),
        ("2027-02-14T08:01", ""),
        ("", ""),
        ("never", ""),
    ],
)
def test_a_registration_that_ends_soon_is_told_of(expires_at: str, complaint: str) -> None:
    """30 days before, since renewing takes weeks; what is no time is another rule's matter."""
    assert SOON_MS == 30 * 86_400_000
    approved = doc.Registration(country="CN", carrier="smsc", status="approved", expires_at=expires_at)
    brandname = doc.Brandname(account="acme", name="Shop", registrations=(approved,))
    found = told(brandname, needs={})
    assert found == ([f"accounts[acme].brandnames[Shop].{complaint}"] if complaint else [])


# https://www.acma.gov.au/31-ensure-your-sender-ids-meet-valid-use-case-rules, 3.1.1: a space may stand inside.
@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("S", True),
        ("1234", True),
        ("Shop_", True),
        ("Unverified", True),
        ("Caf\xe9", True),
        ("My Shop", False),
        ("Shop24", False),
    ],
)
def test_a_sender_that_australia_does_not_take_is_told_of(name: str, is_told: bool) -> None:
    """Where the account says that it sends there."""
    approved = (doc.Registration(country="AU", status="approved"),)
    brandname = doc.Brandname(account="acme", name=name, registrations=approved)
    complaints = told(doc.Account(name="acme", countries=("AU",)), brandname, needs={})
    assert any("Australia takes" in one for one in complaints) is is_told
    assert not any("Australia takes" in one for one in told(brandname, needs={}))


@pytest.mark.parametrize(("country", "mark"), [("AU", '"Unverified"'), ("SG", '"Likely-SCAM"')])
def test_a_sender_without_a_registration_is_marked_there(country: str, mark: str) -> None:
    """Saying how far it is, whatever that may be, ends the advice."""
    account = doc.Account(name="acme", countries=(country,))
    (complaint,) = told(account, needs={})
    assert mark in complaint
    filed = doc.Registration(country=country, status="filed")
    assert told(account, doc.Brandname(account="acme", name="Shop", registrations=(filed,)), needs={}) == []
