import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.advice import advice
from onema.domain.configuration.rules import After

SOUND = (
    doc.Tariff(
        name="default",
        rates=(doc.Rate(channel="sms", price="850", prefix="+84"), doc.Rate(channel="call", price="600")),
    ),
    doc.Account(name="acme", countries=("VN",)),
    doc.Credential(account="acme", dialect="esms", key="K", secret="s" * 16),
    doc.Brandname(account="acme", name="Shop"),
    doc.Template(account="acme", brandname="Shop", text="{OTP}"),
    doc.Application(account="acme", name="otp"),
    doc.Carrier(name="phone", type="handset"),
    doc.Route(channel="sms", carrier="phone", prefix="+8490"),
    doc.Route(channel="call", carrier="phone"),
)


def told(*changed: doc.Document) -> list[str]:
    """What is said of the sound configuration with these documents in it."""
    documents = {(document.kind, document.identity): document for document in (*SOUND, *changed)}
    return [str(problem) for _, problem in advice(After({}, documents))]


def test_nothing_is_said_of_what_is_sound() -> None:
    """A price or a route for a part of a country is one."""
    assert told() == []


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (doc.Account(name="acme", windows=()), "accounts[acme].windows: none counts per phone"),
        (
            doc.Account(name="acme", windows=(doc.WindowLimit(per="account", seconds=1, limit=1),)),
            "accounts[acme].windows: none counts per phone",
        ),
        (doc.Account(name="acme", credit_limit="5"), "accounts[acme].credit_limit: only a wallet that"),
        (doc.Account(name="acme", wallet="postpaid", floor="-5"), "accounts[acme].floor: only a wallet that"),
        (doc.Credential(account="acme", dialect="esms", key="K", secret="s" * 15), "has 15 characters"),
        (doc.Template(account="acme", brandname="Shop", text="Hi"), "templates[Hi]: no code fits"),
        (
            doc.Template(account="acme", brandname="Shop", text="{P2,500}"),
            "templates[{P2,500}]: a code fits only where words",
        ),
        (doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="1"),)), "no price for calls:"),
        (
            doc.Tariff(
                name="default",
                rates=(
                    doc.Rate(channel="sms", price="1", prefix="+856"),
                    doc.Rate(channel="call", price="1"),
                ),
            ),
            "accounts[acme].tariff: 'default' has no price for SMS to VN:",
        ),
        (doc.Route(channel="sms", carrier="phone", prefix="+856"), ""),
        (doc.Account(name="acme", countries=("VN", "LA")), "no route leads SMS to LA to an active carrier"),
    ],
)
def test_what_is_probably_not_meant_is_told_with_its_place(document: doc.Document, complaint: str) -> None:
    """One change at a time."""
    found = told(document)
    assert bool(found) == bool(complaint)
    assert any(complaint in each for each in found) or not complaint


def test_what_is_switched_off_is_left_alone() -> None:
    """Nothing can come of it; and a carrier that is off takes nothing."""
    assert told(doc.Account(name="acme", windows=(), state="inactive")) == []
    assert told(doc.Template(account="acme", brandname="Shop", text="Hi", state="inactive")) == []
    off = told(doc.Carrier(name="phone", type="handset", state="inactive"))
    assert [each.partition(":")[2][:15] for each in off] == [" no route leads", " no route leads"]
