"""`onema doctor --profile`, on a store of its own."""

from typing import Any

import pytest

from .test_commands import Program
from .test_commands import onema as onema  # noqa: PLC0414  # the fixture


def lines_of(onema: Program, profile: str, exit_code: int) -> dict[str, Any]:
    report = onema.json("doctor", "--profile", profile, exit_code=exit_code)
    assert report["profile"] == profile
    return {line["check"]: line for line in report["lines"]}


def test_a_report_says_what_does_not_hold_and_what_to_change(onema: Program) -> None:
    """With its source; the exit code is that of something wrong, until it is put right."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+61=85")
    onema.changes("account", "add", "acme", "--countries", "AU")
    onema.changes("brandname", "add", "acme", "Shop")
    (fault,) = lines_of(onema, "au", 1)["sender-registered"]["faults"]
    assert fault["place"] == "accounts[acme].brandnames[Shop].registrations"
    onema.changes("brandname", "register", "acme", "Shop", "AU", "approved")
    lines = lines_of(onema, "au", 0)
    assert {line["verdict"] for line in lines.values()} == {"holds", "not ours to check"}
    assert all(line["source"]["address"].startswith("https://") for line in lines.values())


def test_the_settings_of_the_installation_count(onema: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the server would be started, where none runs."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    assert lines_of(onema, "asvs-l2", 1)["encrypted"]["verdict"] == "does not hold"
    monkeypatch.setenv("ONEMA_LISTEN_TRUSTED_PROXIES", "10.0.0.1")
    assert lines_of(onema, "asvs-l2", 1)["encrypted"]["verdict"] == "holds"


def test_people_read_the_same(onema: Program) -> None:
    """What is asked, where, and what helps; a profile that nobody knows is refused with those that there are."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    code, out, _ = onema.run("doctor", "--profile", "nist")
    assert code == 0
    assert "lifetime: A code is good for 10 minutes at most." in out
    assert "NIST SP 800-63B-4" in out
    code, _, err = onema.run("doctor", "--profile", "mars")
    assert code == 1
    assert "asvs-l2" in err
    assert onema.run("doctor", "--profile", "vn", "--call", "trunk")[0] == 1


def test_banks_are_warned_by_apply_and_by_the_doctor(onema: Program) -> None:
    """Where countries forbid codes by SMS, of accounts whose texts show a payment."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+971=85")
    onema.changes("account", "add", "bank", "--countries", "AE")
    onema.changes("brandname", "add", "bank", "Bank")
    onema.changes("template", "add", "bank", "Bank", "{OTP} confirms {AMOUNT} to {PAYEE}")
    warned = [one for one in onema.json("doctor") if "2026-03-31" in one["detail"]]
    assert [(one["what"], one["level"]) for one in warned] == [("accounts[bank]", "warn")]
