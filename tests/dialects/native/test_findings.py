"""What the guard found, as an account reads it by our own API: docs/guard.md."""

from onema.delivery.finding_reports import FindingReports
from onema.domain.refusals import Found
from onema.domain.values.phone import Phone
from onema.telemetry.finding_tally import FindingTally

from .client import PHONE
from .test_administration import READER, Caller
from .test_administration import call as call  # noqa: PLC0414  # the fixture


async def test_the_guard_and_what_it_found_are_read(call: Caller) -> None:
    """Of the own account: what each rule does, and how often it found something, by country and prefix."""
    found = Found("purses", "repeated_attempts", "record", "3 in an hour")
    tally = FindingTally()
    for name, phone in (("shop", PHONE), ("rival", "+84912345678")):
        tally.add(call.core.account(name).id, Phone(phone), (found,), refused=False)
    await FindingReports(call.core.gateway, tally).report()
    told = await call.told("GET", "/v1/guard/findings?days=14", key=READER)
    assert [(one["rule"], one["prefix"], one["went_out"]) for one in told["items"]] == [
        ("purses", PHONE[:-6], 1)
    ]
    account = (await call.told("GET", "/v1/guard", key=READER))["items"][0]
    assert (account["of"], account["guard"], account["rules"]["purses"]) == ("shop", "*", "record")
    for days in ("0", "15", "many"):
        assert (await call.told("GET", f"/v1/guard/findings?days={days}", status=400))["pointer"] == "/days"
