"""Rule profiles: each check finds what it is for, and nothing else."""

import re
from pathlib import Path

import pytest

from onema.domain.compliance.banks import bank_warnings
from onema.domain.compliance.check import Check, Verdict, examined
from onema.domain.compliance.profiles import PROFILES
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration import documents as doc
from onema.domain.configuration.rules import After
from onema.settings import load_settings
from onema.wiring.dialects import code_lives

from .cases import BASE, CASES, DEFAULTS, IN, PAID, Made, acme, app, guard, key, registered, text

NOW = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""
ROOT = Path(__file__).parents[4]
CHECKS = {(profile.name, check.name): check for profile in PROFILES.values() for check in profile.checks}


def snapshot(made: Made) -> Snapshot:
    every = {(document.kind, document.identity): document for document in (*BASE, *made.documents)}
    lifetimes: dict[str, object] = {
        name: int(made.settings[name])
        for name in ("esms.time_alive_max", "native.longest_ttl_minutes")
        if name in made.settings
    }
    return Snapshot(
        documents=After({}, every),
        settings={**DEFAULTS, **made.settings},
        lives=code_lives(load_settings(None, {}, lifetimes)),
        now=NOW,
    )


def test_each_check_of_the_configuration_has_both_cases() -> None:
    """A new check without a configuration that passes and one that fails it fails here."""
    assert set(CASES) == {name for name, check in CHECKS.items() if check.find is not None}


@pytest.mark.parametrize("name", CASES, ids="-".join)
def test_a_check_holds_where_it_should_and_fails_where_it_should(name: tuple[str, str]) -> None:
    """What fails says where, what is there and what to change."""
    good, bad = CASES[name]
    find = CHECKS[name].find
    assert find is not None
    assert list(find(snapshot(good))) == []
    faults = list(find(snapshot(bad)))
    assert faults
    assert all(fault.place and fault.what and fault.change for fault in faults)


@pytest.mark.parametrize("check", CHECKS.values(), ids=["-".join(name) for name in CHECKS])
def test_a_check_is_looked_at_in_exactly_one_way(check: Check) -> None:
    """And each says what it asks, and where that is asked, at an address that people can open."""
    assert sum((check.find is not None, bool(check.shown_by), bool(check.whose))) == 1
    assert check.asks.endswith(".")
    assert check.source.name
    assert check.source.section
    assert re.fullmatch(r"https?://[^\s]+", check.source.address)


@pytest.mark.parametrize("shown_by", sorted({check.shown_by for check in CHECKS.values() if check.shown_by}))
def test_what_the_program_always_does_is_shown_by_a_test(shown_by: str) -> None:
    """A check that names one holds only as long as it is there."""
    file, _, name = shown_by.partition("::")
    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_names_of_checks_are_unique_in_a_profile() -> None:
    """Reports are read by them."""
    for profile in PROFILES.values():
        names = [check.name for check in profile.checks]
        assert len(names) == len(set(names))


def test_a_report_has_a_line_for_each_check() -> None:
    """In order, each with its verdict, also where somebody else must look."""
    profile = PROFILES["nist"]
    lines = examined(profile, snapshot(Made((app(code_length=4),))))
    assert [line.check for line in lines] == [check.name for check in profile.checks]
    verdicts = {line.check: line.verdict for line in lines}
    assert verdicts["length"] is Verdict.FAILS
    assert verdicts["once"] is Verdict.HOLDS
    assert verdicts["restricted"] is Verdict.ELSEWHERE
    (fault,) = lines[0].faults
    assert fault.place == "accounts[acme].applications[app].code_length"


def test_inactive_documents_are_nobody_s_fault() -> None:
    """What sends nothing breaks no rule."""
    lines = examined(PROFILES["nist"], snapshot(Made((app(code_length=4, state="inactive"),))))
    assert not [line for line in lines if line.verdict is Verdict.FAILS]


def test_banks_are_warned_where_codes_are_forbidden() -> None:
    """Of payments alone: by what a template shows, or by what is registered of an application."""
    emirates = acme(countries=("AE", "PH"))
    assert list(bank_warnings(snapshot(Made((emirates,))))) == []
    for payments in (text(PAID), app(registered={"purpose": "payment"})):
        told = [fault.what for _, fault in bank_warnings(snapshot(Made((emirates, payments))))]
        assert [re.findall("in ([A-Z]{2}):", what) for what in told] == [["AE"], ["PH"]]


def test_an_account_that_may_send_everywhere_may_send_there() -> None:
    """A profile is asked for by whoever sends to that country."""
    everywhere = Made((acme(countries=("*",)), text(PAID)))
    assert {source.name.split(",")[0] for source, _ in bank_warnings(snapshot(everywhere))} == {
        "Central Bank of the UAE",
        "Bangko Sentral ng Pilipinas",
    }


def test_the_guard_of_an_application_counts_for_itself() -> None:
    """One that records, where its account's blocks, is told by its name."""
    find = CHECKS["asvs-l2", "anti-automation"].find
    assert find is not None
    made = Made((guard("block"), doc.Guard(name="acme/app", mode="record")))
    assert [fault.place for fault in find(snapshot(made))] == ["guards[acme/app]"]


def test_codes_of_banks_in_vietnam_live_five_minutes_whatever_the_api() -> None:
    """Where a setting says so, or the API's own lifetime is that short."""
    find = CHECKS["vn", "bank-sms-lifetime"].find
    assert find is not None
    for dialect, settings in (("native", {"native.longest_ttl_minutes": "5"}), ("camara", {})):
        assert list(find(snapshot(Made((text(PAID), key(dialect)), settings)))) == []
    for dialect in ("native", "twilio_verify"):
        assert list(find(snapshot(Made((text(PAID), key(dialect))))))


def test_a_carrier_of_another_country_asks_for_nothing() -> None:
    """Signatures are filed with those that take texts for China."""
    find = CHECKS["cn", "filed"].find
    assert find is not None
    documents = (
        acme(countries=("CN", "VN")),
        registered("CN", carrier="smsc"),
        doc.Carrier(name="local", type="test"),
        doc.Route(channel="sms", carrier="local", prefix="+84"),
    )
    assert list(find(snapshot(Made(documents)))) == []


def test_payments_in_india_must_be_bound() -> None:
    """A text that shows them whole can be; one that shows half cannot."""
    find = CHECKS["in", "payments"].find
    assert find is not None
    assert list(find(snapshot(Made((IN, text("{OTP} confirms {AMOUNT}"))))))


def test_a_country_s_profile_says_whom_it_is_about() -> None:
    """Where nobody sends, nothing can be wrong, and the report says so."""
    assert PROFILES["vn"].concerned(snapshot(Made())) == ("acme",)
    assert PROFILES["sg"].concerned(snapshot(Made())) == ()
    assert PROFILES["nist"].concerned(snapshot(Made())) == ("acme",)
