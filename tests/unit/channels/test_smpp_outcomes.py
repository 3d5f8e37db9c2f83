"""What an SMSC's answers mean, and how the parts of a text make one outcome."""

import itertools

import pytest

from onema.channels.sms_smpp.outcomes import (
    EXPIRED,
    OTHER,
    STATUSES,
    TAKEN,
    UNANSWERED,
    PartEnd,
    StatusRule,
    meanings,
    not_sent,
    outcome_of,
    refused,
    status_number,
    status_problems,
)
from onema.domain.delivery.endings import RULES, may_be_tried_again
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.protocols.smpp import statuses as s

KNOWN_TO_SUBMITS = set(s.NAMES) - {
    # Answers to other requests than submit_sm, data_sm and binds.
    *(s.ESME_RCANCELFAIL, s.ESME_RREPLACEFAIL, s.ESME_RQUERYFAIL, s.ESME_RINVDLNAME, s.ESME_RCNTSUBDL)
}


def test_every_status_that_a_submit_may_get_is_in_the_table() -> None:
    """Each with words, and with an ending only where its rule agrees."""
    assert set(STATUSES) == KNOWN_TO_SUBMITS
    for meaning in (*STATUSES.values(), OTHER):
        assert meaning.words
        if meaning.ending:
            assert RULES[meaning.ending].kind is meaning.kind


@pytest.mark.parametrize(
    ("status", "kind", "ending"),
    [
        (s.ESME_RINVDSTADR, OutcomeKind.PERMANENT, None),
        (s.ESME_RINVSRCADR, OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (s.ESME_RTHROTTLED, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (s.ESME_RMSGQFUL, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (s.ESME_RSYSERR, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (s.ESME_RDELIVERYFAILURE, OutcomeKind.UNKNOWN, None),
        (0x412, OutcomeKind.TEMPORARY, None),
    ],
)
def test_a_refusal_ends_a_message_as_the_table_says(
    status: int, kind: OutcomeKind, ending: Ending | None
) -> None:
    """With the number and the SMSC's own words for operators; vendors' own may be tried elsewhere."""
    outcome = outcome_of([refused(status, STATUSES.get(status, OTHER), "no such route")])
    assert (outcome.kind, outcome.ending) == (kind, ending)
    assert f"0x{status:08x}" in outcome.detail
    assert outcome.detail.endswith("no such route")
    assert outcome.word
    assert may_be_tried_again(outcome) is (kind is OutcomeKind.TEMPORARY)


def test_a_carrier_may_mean_something_else() -> None:
    """Rows by number or by name; words of the table where it gives none."""
    rules = (
        StatusRule(status="0x412", means="temporary", ending="blocked by the carrier", words="spam"),
        StatusRule(status="esme_rsyserr", means="throttled"),
        StatusRule(status="1043", means="unknown"),
    )
    assert list(status_problems(rules)) == []
    table = meanings(rules)
    assert (table[0x412].ending, table[0x412].words) == (Ending.BLOCKED, "spam")
    assert (table[s.ESME_RSYSERR].verdict, table[s.ESME_RSYSERR].ending) == ("throttled", Ending.OUR_LIMIT)
    assert table[s.ESME_RSYSERR].words == STATUSES[s.ESME_RSYSERR].words
    assert table[1043].kind is OutcomeKind.UNKNOWN
    assert table[s.ESME_RINVDSTADR] == STATUSES[s.ESME_RINVDSTADR]


def test_rules_that_cannot_be_are_refused() -> None:
    """No status, success, twice, or an ending that its meaning has not."""
    rules = (
        StatusRule(status="ESME_RNONE", means="temporary"),
        StatusRule(status="0", means="temporary"),
        StatusRule(status="0x8", means="temporary"),
        StatusRule(status="8", means="permanent"),
        StatusRule(status="9", means="permanent", ending="the carrier is down"),
    )
    assert [problem.place for problem in status_problems(rules)] == [
        "statuses[0].status",
        "statuses[1].status",
        "statuses[3].status",
        "statuses[4].ending",
    ]
    assert status_number("0x100000000") is None


def taken(reference: str) -> PartEnd:
    return PartEnd(TAKEN, reference)


NO = refused(s.ESME_RINVDSTADR, STATUSES[s.ESME_RINVDSTADR])
NOT_NOW = refused(s.ESME_RSYSERR, STATUSES[s.ESME_RSYSERR])


def test_parts_that_were_all_taken_are_one_submitted_message() -> None:
    """With a name each; a part without a name is counted."""
    assert outcome_of([taken("a"), taken(""), taken("c")]) == Outcome(
        kind=OutcomeKind.SUBMITTED, references=("a", "c"), parts=3
    )


def test_parts_that_never_left_may_be_sent_again() -> None:
    """As the gravest refusal says."""
    outcome = outcome_of([NOT_NOW, not_sent("another part was refused", None)])
    assert (outcome.kind, outcome.ending) == (OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN)
    assert outcome_of([NOT_NOW, NO]).kind is OutcomeKind.PERMANENT
    assert outcome_of([EXPIRED]).reason == EXPIRED.reason


def test_what_may_have_left_in_part_is_never_sent_again() -> None:
    """Whatever ends the other parts have, and in whatever order."""
    ends = [taken("a"), UNANSWERED, NO, NOT_NOW, not_sent("no bind is up")]
    for parts in itertools.product(ends, repeat=3):
        outcome = outcome_of(list(parts))
        may_have_left = any(part.kind in (TAKEN, OutcomeKind.UNKNOWN) for part in parts)
        assert (outcome.kind in (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)) is not may_have_left
        assert (outcome.kind is OutcomeKind.UNKNOWN) is (UNANSWERED in parts)
        if may_have_left:
            assert outcome.parts == 3
            assert len(outcome.references) == parts.count(taken("a"))
