"""Codes that their carrier checks: tries are counted before it is asked, and what it says is recorded after."""

from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from onema.domain.codes import limits
from onema.domain.codes.check_code import Check, CheckCode, Reserved
from onema.domain.codes.forwarded_check import ForwardChecks, RecordForwardedCheck, Verdict
from onema.domain.codes.start_verification import GivenCode
from onema.domain.codes.verification import ATTEMPTS
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId
from onema.domain.records import Event, LiveVerification, Window
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

from .test_four_ways import NEW, command

ACCOUNT = AccountId(1)
PHONE = Phone("+84901888484")
NOW = 1_800_000_000_000
KEY = (LiveVerification, ACCOUNT, PHONE, "code")


def forwarding(verification: int = 7, attempts_left: int = ATTEMPTS) -> PureStore:
    """A store in which attempt 1's carrier checks the phone's code."""
    store = PureStore(context_of(doc.Account(name="acme", number=ACCOUNT)))
    code_hash = store.context.keyring.code_hash(verification, "111111")
    store.rows[KEY] = LiveVerification(
        ACCOUNT, PHONE, "code", verification, code_hash, attempts_left, NOW + 600_000
    )
    assert forward(store, verification)
    return store


def forward(store: PureStore, verification: int = 7, now: int = NOW) -> Any:
    return store.run(
        ForwardChecks(
            account=ACCOUNT, now=now, phone=PHONE, purpose="code", verification=verification, attempt=1
        )
    )


def check(store: PureStore, code: str = "000000", now: int = NOW) -> Any:
    return store.run(CheckCode(account=ACCOUNT, id=99, now=now, phone=PHONE, code=code))


def record(store: PureStore, verdict: Verdict, verification: int = 7, now: int = NOW) -> Any:
    return store.run(
        RecordForwardedCheck(
            account=ACCOUNT,
            id=len(store.rows) + 100,
            now=now,
            phone=PHONE,
            purpose="code",
            verification=verification,
            reserved_at=now,
            verdict=verdict,
        )
    )


def live(store: PureStore) -> LiveVerification:
    row = store.rows[KEY]
    assert isinstance(row, LiveVerification)
    return row


def events(store: PureStore) -> list[str]:
    return [row.kind for row in store.rows.values() if isinstance(row, Event)]


def test_the_code_that_was_made_here_is_right_no_more() -> None:
    """Nobody has it: the carrier sent another."""
    assert check(forwarding(), "111111") == Reserved(7, 1)


def test_what_the_carrier_says_is_answered_and_told() -> None:
    """A wrong try is gone, the right one ends it, and the wrong checks of the phone stay counted."""
    store = forwarding()
    check(store)
    assert record(store, Verdict.WRONG) is Check.WRONG
    assert live(store).attempts_left == ATTEMPTS - 1
    check(store)
    assert record(store, Verdict.RIGHT) is Check.RIGHT
    assert check(store) is Check.NOTHING_TO_CHECK
    assert events(store) == ["wrong code", "verified"]
    assert [used.rpartition(":")[2] for used in live(store).wrong_checks.split(",")] == ["1", "1"]


def test_the_right_code_alone_leaves_nothing_behind() -> None:
    """The wrong check that the try was counted as is taken back."""
    store = forwarding()
    check(store)
    record(store, Verdict.RIGHT)
    assert KEY not in store.rows


def test_only_one_of_two_right_answers_verifies() -> None:
    """However the service came to say it twice."""
    store = forwarding()
    assert [check(store), check(store)] == [Reserved(7, 1)] * 2
    assert [record(store, Verdict.RIGHT), record(store, Verdict.RIGHT)] == [
        Check.RIGHT,
        Check.NOTHING_TO_CHECK,
    ]


def test_no_more_tries_run_at_once_than_are_left() -> None:
    """Also when none of them is ever answered: a process that dies loses no count."""
    store = forwarding()
    found = [check(store) for _ in range(ATTEMPTS + 2)]
    assert found == [Reserved(7, 1)] * ATTEMPTS + [Check.EXHAUSTED] * 2


def test_without_an_answer_the_try_is_given_back() -> None:
    """With what the phone was charged for it."""
    store = forwarding()
    for _ in range(2 * ATTEMPTS):
        assert check(store) == Reserved(7, 1)
        assert record(store, Verdict.NO_ANSWER) is None
    assert (live(store).attempts_left, live(store).wrong_checks) == (ATTEMPTS, "")


def test_a_code_that_is_over_at_the_carrier_is_over_here() -> None:
    """Expired, or tried too often there."""
    for verdict, first, then in (
        (Verdict.EXPIRED, Check.NOTHING_TO_CHECK, Check.NOTHING_TO_CHECK),
        (Verdict.EXHAUSTED, Check.EXHAUSTED, Check.EXHAUSTED),
    ):
        store = forwarding()
        check(store)
        assert (record(store, verdict), check(store)) == (first, then)


def test_an_answer_about_a_code_that_was_replaced_is_about_nothing() -> None:
    """The new one keeps its tries."""
    store = forwarding()
    check(store)
    replaced = forwarding(verification=8)
    store.rows[KEY] = replaced.rows[KEY]
    assert record(store, Verdict.RIGHT, verification=7) is Check.NOTHING_TO_CHECK
    assert store.rows[KEY] == replaced.rows[KEY]


def test_a_code_that_was_replaced_before_its_carrier_sent_it_is_not_forwarded() -> None:
    """Nor one that has expired: the carrier may forget it."""
    store = forwarding(verification=8)
    assert forward(store, verification=7) is False
    assert forward(store, verification=8, now=NOW + 600_000) is False


def test_wrong_checks_of_a_phone_also_end_the_tries_of_such_codes() -> None:
    """30 in an hour, over all codes."""
    store = forwarding()
    for verification in range(8, 8 + 6):
        for _ in range(ATTEMPTS):
            assert check(store) == Reserved(verification - 1, 1)
            record(store, Verdict.WRONG, verification=verification - 1)
        fresh = forwarding(verification=verification)
        counted = live(store)
        store.rows[KEY] = msgspec.structs.replace(
            live(fresh), wrong_checks=counted.wrong_checks, kept_until=counted.kept_until
        )
    assert check(store) is Check.EXHAUSTED


def test_a_use_is_taken_back_where_it_was_counted() -> None:
    """A window that has begun anew since does not get it back."""
    window = Window(ACCOUNT, "x", PHONE, "", 0)
    once = limits.count(window, ((60, 5), (3_600, 5)), NOW)
    assert limits.take_back(once, NOW) == window
    twice = limits.count(once, ((60, 5), (3_600, 5)), NOW + 61_000)
    assert limits.take_back(twice, NOW).counters == f"60:{NOW + 61_000}:1,3600:{NOW}:1"


@pytest.mark.parametrize("only_own", [False, True])
def test_a_given_code_is_refused_where_only_carriers_of_own_codes_go(only_own: bool) -> None:
    """It could not be sent; one carrier that carries codes is enough."""
    documents = [
        doc.Carrier(name="own", type="t", own_codes=True),
        doc.Carrier(name="ours", type="t", state="inactive" if only_own else "active"),
        doc.Route(channel="sms", carrier="own"),
        doc.Route(channel="sms", carrier="ours"),
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
        doc.Account(name="acme", number=ACCOUNT, wallet="postpaid"),
        doc.Brandname(account="acme", name="Acme"),
        doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
    ]
    store = PureStore(context_of(*documents))
    store.run(command(7, NEW, by_call=False))
    if only_own:
        with pytest.raises(Refused) as refused:
            store.run(command(8, GivenCode("4711"), by_call=False))
        assert refused.value.refusal is Refusal.FEATURE_OFF
    else:
        store.run(command(8, GivenCode("4711"), by_call=False))


class Checks(RuleBasedStateMachine):
    """Tries and answers in any order, some of which never come."""

    def __init__(self) -> None:
        super().__init__()
        self.store = forwarding()
        self.asked = 0
        """Tries whose answers may still come."""
        self.wrong = 0
        self.lost = 0
        self.verified = 0

    @rule()
    def ask(self) -> None:
        self.asked += isinstance(check(self.store), Reserved)

    @precondition(lambda self: self.asked)
    @rule(verdict=st.sampled_from([Verdict.RIGHT, Verdict.WRONG, Verdict.WRONG, Verdict.NO_ANSWER]))
    def answer(self, verdict: Verdict) -> None:
        self.asked -= 1
        found = record(self.store, verdict)
        self.wrong += found is Check.WRONG
        self.verified += found is Check.RIGHT

    @precondition(lambda self: self.asked)
    @rule()
    def die(self) -> None:
        self.asked -= 1
        self.lost += 1

    @invariant()
    def limits_hold(self) -> None:
        assert self.verified <= 1
        if not self.verified:
            assert self.wrong + self.lost + self.asked <= ATTEMPTS


TestChecks = Checks.TestCase
