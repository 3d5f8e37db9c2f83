"""What follows from each ending of a call or an SMS."""

from pathlib import Path

import pytest

from onema.domain.delivery.endings import RULES, ended, may_be_tried_again
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind


def test_every_ending_has_a_rule() -> None:
    """A channel may report any of them."""
    assert set(RULES) == set(Ending)


def test_the_page_has_the_table() -> None:
    """docs/endings.md is what operators read."""
    page = (Path(__file__).parents[4] / "docs" / "endings.md").read_text()
    told = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert told == [
        "| "
        + " | ".join(
            (
                ending.value,
                RULES[ending].kind.value,
                *(
                    "yes" if true else "no"
                    for true in (
                        may_be_tried_again(ended(ending)),
                        RULES[ending].trips_breaker,
                        RULES[ending].lowers_pace,
                        RULES[ending].is_suspicion,
                    )
                ),
            )
        )
        + " |"
        for ending in Ending
    ]


def test_only_a_carrier_that_is_down_trips_a_breaker() -> None:
    """A person who declines, a number that nobody has and our own limit say nothing against the carrier."""
    assert {ending for ending, rule in RULES.items() if rule.trips_breaker} == {Ending.CARRIER_DOWN}


def test_only_our_own_limit_lowers_the_pace_and_only_a_block_is_suspicious() -> None:
    """A busy phone is no reason to call others more slowly."""
    assert {ending for ending, rule in RULES.items() if rule.lowers_pace} == {Ending.OUR_LIMIT}
    assert {ending for ending, rule in RULES.items() if rule.is_suspicion} == {Ending.BLOCKED}


def test_the_next_carrier_is_tried_only_where_no_phone_rang() -> None:
    """Whoever did not answer or declined is not called again by itself."""
    again = {ending for ending in Ending if may_be_tried_again(ended(ending))}
    assert again == {Ending.BLOCKED, Ending.OUR_LIMIT, Ending.CARRIER_DOWN}


@pytest.mark.parametrize("ending", [Ending.NO_ANSWER, Ending.DECLINED, Ending.CUT_OFF])
def test_no_channel_can_have_a_phone_called_again(ending: Ending) -> None:
    """Although it calls the outcome temporary."""
    assert not may_be_tried_again(Outcome(kind=OutcomeKind.TEMPORARY, ending=ending))
    assert may_be_tried_again(Outcome(kind=OutcomeKind.TEMPORARY))


def test_only_whoever_answered_heard_the_code() -> None:
    """Voicemail did not, though it was talked to."""
    heard = {ending for ending in Ending if ended(ending).kind is OutcomeKind.DELIVERED}
    assert heard == {Ending.ANSWERED, Ending.HUNG_UP}
