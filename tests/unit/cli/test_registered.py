"""Facts, needs and registrations from the command line."""

from typing import Any

import pytest

from .test_commands import Program
from .test_commands import onema as onema  # noqa: PLC0414  # the fixture

ENTITY, TEMPLATE = "1101456780000012345", "1107161234567890123"


@pytest.fixture
def acme(onema: Program) -> Program:
    onema.changes("tariff", "set", "default", "--rate", "sms:+=850")
    onema.changes("account", "add", "acme", "--registered", f"entity_id={ENTITY}")
    onema.changes("brandname", "add", "acme", "Acme", "--registered", "signature=云片网", "--sign-at", "end")
    onema.changes("template", "add", "acme", "Acme", "{OTP}!", "--registered", f"dlt_id={TEMPLATE}")
    onema.changes("application", "add", "acme", "app", "--registered", "purpose=login")
    onema.changes(
        "carrier",
        "add",
        "phone",
        "--type",
        "handset",
        "--registered",
        "tm_chain=1102,1302",
        "--needs",
        "dlt_id",
    )
    return onema


def listed(onema: Program, kind: str) -> Any:
    (one,) = onema.json(kind, "list")
    return one


def test_facts_are_set_where_they_belong(acme: Program) -> None:
    """Each kind of document has them, and shows them."""
    assert listed(acme, "account")["registered"] == {"entity_id": ENTITY}
    assert listed(acme, "application")["registered"] == {"purpose": "login"}
    assert listed(acme, "brandname")["registered"] == {"signature": "云片网"}
    assert listed(acme, "brandname")["sign_at"] == "end"
    assert listed(acme, "template")["registered"] == {"dlt_id": TEMPLATE}
    assert listed(acme, "carrier")["registered"] == {"tm_chain": "1102,1302"}
    assert listed(acme, "carrier")["needs"] == ["dlt_id"]


def test_a_fact_is_changed_or_taken_away_alone(acme: Program) -> None:
    """The others stay, and so does the rest of the document."""
    for where in (["account", "set", "acme"], ["carrier", "set", "phone"]):
        acme.changes(*where, "--registered", "a=1", "--registered", "b=x=y")
    acme.changes("account", "set", "acme", "--registered", "a=")
    assert listed(acme, "account")["registered"] == {"entity_id": ENTITY, "b": "x=y"}
    acme.changes("carrier", "set", "phone", "--registered", "b=", "--needs", "")
    assert listed(acme, "carrier")["registered"] == {"tm_chain": "1102,1302", "a": "1"}
    assert listed(acme, "carrier")["needs"] == []
    acme.changes("template", "set", "acme", "Acme", "{OTP}!", "--registered", "dlt_id=1")
    assert (listed(acme, "template")["registered"], listed(acme, "template")["fold"]) == (
        {"dlt_id": "1"},
        True,
    )
    acme.changes("brandname", "set", "acme", "Acme", "--sign-at", "start", "--sign-to", "+86,+852")
    assert listed(acme, "brandname")["sign_to"] == ["+86", "+852"]
    acme.changes("application", "set", "acme", "app", "--registered", "purpose=")
    assert listed(acme, "application")["registered"] == {}


def test_what_is_no_fact_is_refused(acme: Program) -> None:
    """With its place, and nothing is changed."""
    assert acme.json("account", "set", "acme", "--registered", "entity_id=11O1", exit_code=1)["problems"][0][
        "place"
    ] == ("accounts[acme].registered.entity_id")
    assert (
        "NAME=VALUE" in acme.json("account", "set", "acme", "--registered", "entity_id", exit_code=1)["error"]
    )
    assert "Nothing to change" in acme.json("template", "set", "acme", "Acme", "{OTP}!", exit_code=1)["error"]


def test_a_brandname_is_registered_by_country_and_carrier(acme: Program) -> None:
    """Each once; a later word takes the place of the one before it."""
    acme.changes("brandname", "register", "acme", "Acme", "CN", "filed")
    acme.changes("brandname", "register", "acme", "Acme", "CN", "pending", "--carrier", "phone")
    acme.changes("brandname", "register", "acme", "Acme", "CN", "approved", "--expires", "2027-01-01")
    found = acme.json("brandname", "registrations")
    assert [(one["carrier"], one["status"], one["expires_at"]) for one in found] == [
        ("phone", "pending", ""),
        ("", "approved", "2027-01-01"),
    ]
    acme.changes("brandname", "register", "acme", "Acme", "CN", "none", "--carrier", "phone")
    assert len(acme.json("brandname", "registrations", "acme")) == 1


def test_what_an_account_asked_for_is_approved_or_refused(acme: Program) -> None:
    """A brandname and a text alike; what is refused has a reason, and is not active."""
    for kind, words in (("brandname", ("acme", "Acme")), ("template", ("acme", "Acme", "{OTP}!"))):
        acme.changes(kind, "refuse", *words, "--because", "it is a bank's")
        found = listed(acme, kind)
        assert (found["approval"], found["state"], found["refused_because"]) == (
            "refused",
            "inactive",
            "it is a bank's",
        )
        acme.changes(kind, "approve", *words)
        found = listed(acme, kind)
        assert (found["approval"], found["state"], found["refused_because"]) == ("approved", "active", "")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("XX", "filed"), "registrations[0].country"),
        (("CN", "aproved"), "registrations[0].status"),
        (("CN", "filed", "--carrier", "fone"), "registrations[0].carrier"),
        (("CN", "filed", "--expires", "soon"), "registrations[0].expires_at"),
    ],
)
def test_a_registration_that_is_none_is_refused(acme: Program, words: tuple[str, ...], place: str) -> None:
    """A carrier that is not there too: a misspelt one would let everything out."""
    answer = acme.json("brandname", "register", "acme", "Acme", *words, exit_code=1)
    assert answer["problems"][0]["place"].endswith(place)


def test_a_carrier_that_a_registration_names_stays(acme: Program) -> None:
    """As one does that a route names."""
    acme.changes("brandname", "register", "acme", "Acme", "CN", "filed", "--carrier", "phone")
    assert acme.json("carrier", "remove", "phone", exit_code=1)["refusal"] == "conflict"


def test_an_export_says_all_of_it_again(acme: Program, tmp_path: Any) -> None:
    """Applied where it came from it changes nothing."""
    acme.changes("brandname", "register", "acme", "Acme", "CN", "filed", "--carrier", "phone")
    exported = acme.run("export")[1]
    assert "registrations" in exported
    file = tmp_path / "onema.toml"
    file.write_text(exported)
    assert {what for what, _, _ in acme.changes("apply", str(file))} == {"unchanged"}
