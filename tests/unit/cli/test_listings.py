"""What is listed, and how its times are told."""

from onema.administration.requests import FoundRefusals
from onema.cli.refusals import refusals_as_json
from onema.cli.wallet import newest_first
from onema.domain.ids import AccountId
from onema.domain.note_refusals import RefusedRequest
from onema.domain.records import LedgerEntry
from onema.domain.values.money import Minor


def test_movements_of_one_message_are_in_the_order_of_their_times() -> None:
    """The store gives them by subject and kind, and `release` would stand as older than its `hold`."""
    stored = [
        LedgerEntry(AccountId(1), 2, "capture", Minor(0), 40, ""),
        LedgerEntry(AccountId(1), 2, "hold", Minor(-5), 30, ""),
        LedgerEntry(AccountId(1), 1, "hold", Minor(-5), 10, ""),
        LedgerEntry(AccountId(1), 1, "release", Minor(5), 35, ""),
    ]
    told = [(entry.subject, entry.kind) for entry in newest_first(stored)]
    assert told == [(2, "capture"), (2, "hold"), (1, "release"), (1, "hold")]


def test_refusals_in_json_have_times_as_all_else() -> None:
    """ISO 8601, not numbers."""
    entry = RefusedRequest(at=1_795_869_875_421, since=0, times=3, dialect="esms", reason="rate_limited")
    (told,) = refusals_as_json(FoundRefusals(total=3, entries=(entry,)))
    assert (told["at"], told["since"], told["times"]) == ("2026-11-28T12:44:35.421Z", "", 3)
