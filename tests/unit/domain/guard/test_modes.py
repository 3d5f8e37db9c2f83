"""What follows from a finding, and where it is kept."""

from typing import Any

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.guard.judge import GUARD
from onema.domain.guard.rows import GuardSubject
from onema.domain.records import Event, Message
from onema.domain.refusals import Guarded, Refusal

from .senders import ACCOUNT, PHONE, Sender

HERE_ONLY: dict[str, Any] = {"countries": ("FR",), "country_hour": 100, "country_day": 100}
"""A guard that finds something in whatever goes to Viet Nam."""


def kept(sender: Sender) -> list[str]:
    return [row.data for row in sender.store.rows.values() if isinstance(row, Event) and row.kind == GUARD]


def test_what_is_recorded_goes_out_and_is_written_down_with_its_message() -> None:
    """With the rule, the reason and the mode."""
    sender = Sender(mode="record", **HERE_ONLY)
    accepted = sender.send()
    assert [found.rule for found in accepted.found] == ["countries"]
    assert kept(sender) == ["countries (custom_policy): VN, record"]
    assert (Message, ACCOUNT, accepted.message) in sender.store.rows


def test_recording_is_what_an_installation_does_that_says_nothing() -> None:
    """Nobody is refused by a guard that they never configured."""
    assert doc.Guard(name="*").mode == "record"


def test_what_is_blocked_leaves_no_message_and_no_count() -> None:
    """The refusal says why, for operators."""
    sender = Sender(mode="block", **HERE_ONLY)
    with pytest.raises(Guarded) as caught:
        sender.send()
    assert caught.value.refusal is Refusal.ABUSE_SUSPECTED
    assert caught.value.detail == "countries (custom_policy): VN, block"
    assert not sender.store.rows


def test_what_is_challenged_goes_out_once_the_challenge_is_solved() -> None:
    """And what was found is written down then."""
    sender = Sender(mode="challenge", **HERE_ONLY)
    with pytest.raises(Guarded) as caught:
        sender.send()
    assert caught.value.refusal is Refusal.CHALLENGE_REQUIRED
    sender.send(solved=True)
    assert kept(sender) == ["countries (custom_policy): VN, challenge"]


def test_a_solved_challenge_opens_nothing_that_is_blocked() -> None:
    """The severest mode of what was found counts."""
    sender = Sender(mode="challenge", rules={"price": "block"}, price_ceiling="99", **HERE_ONLY)
    with pytest.raises(Guarded) as caught:
        sender.send(solved=True)
    assert caught.value.refusal is Refusal.ABUSE_SUSPECTED
    assert {found.rule for found in caught.value.found} == {"countries", "price"}


def test_one_rule_may_be_off_while_the_others_block() -> None:
    """`rules` says so."""
    assert Sender(mode="block", rules={"countries": "off"}, **HERE_ONLY).rules() == []


def test_a_guard_that_is_off_counts_nothing() -> None:
    """Nothing is read or written of it."""
    sender = Sender(mode="off", **HERE_ONLY)
    sender.verify()
    sender.send()
    assert [row for row in sender.store.rows.values() if isinstance(row, GuardSubject)] == []


@pytest.mark.parametrize("entry", [PHONE, "+84901888xxx", "VN", "198.51.100.0/24"])
def test_no_rule_looks_at_what_is_allowed(entry: str) -> None:
    """Numbers, blocks of a thousand, countries and networks."""
    sender = Sender(mode="block", allow=(entry,), **HERE_ONLY)
    assert sender.rules(person_ip="198.51.100.7") == []
    assert Sender(mode="block", **HERE_ONLY).rules(person_ip="198.51.100.7") == ["countries"]


def test_the_guard_of_an_application_comes_before_its_account_s_and_the_installation_s() -> None:
    """As a whole: of the others nothing holds beside it."""
    guards = {
        name: doc.Guard(name=name, mode="block", countries=(country,))
        for name, country in (("*", "FR"), ("a", "VN"), ("a/app", "US"))
    }
    sender = Sender()
    directory = sender.store.context.directory
    changed = directory.replace({(one.kind, one.identity): one for one in guards.values()}, 2)
    assert changed.guards.of("a", "app").document is guards["a/app"]
    assert changed.guards.of("a", "other").document is guards["a"]
    assert changed.guards.of("b", "app").document is guards["*"]
    gone = changed.replace({("guard", "a/app"): None}, 3)
    assert gone.guards.of("a", "app").document is guards["a"]


def test_a_ceiling_holds_for_the_price_of_the_whole_message() -> None:
    """100 for one segment."""
    assert Sender(price_ceiling="100").rules() == []
    assert Sender(price_ceiling="99.99").rules() == ["price"]
