"""A code made here or given, by SMS or by a call: accepted in one place, so what holds for one holds for all."""

from typing import Any

import msgspec
import pytest

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.channel_plan import HowToSend, Step
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import (
    ENTROPY_BYTES,
    PLAN_ENTROPY_BYTES,
    VALID_MS,
    GivenCode,
    NewCode,
)
from onema.domain.configuration import documents as doc
from onema.domain.decision import Context
from onema.domain.delivery.payload import CallPayload, SmsPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel, Event, Job, LedgerEntry, LiveVerification, Message, Window
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
PHONE = "+84901888484"
NOW = 1_800_000_000_000
TEN_MINUTES = 600_000
NEW = NewCode("0123456789", 6, TEN_MINUTES)
GIVEN = GivenCode("4711")

SEND = pytest.mark.parametrize("by_call", [False, True], ids=["sms", "call"])
CODE = pytest.mark.parametrize("code", [NEW, GIVEN], ids=["new", "given"])


@pytest.fixture
def store() -> PureStore:
    return PureStore(
        context_of(
            doc.Tariff(
                name="default",
                rates=(
                    doc.Rate(channel="sms", price="850"),
                    doc.Rate(channel="call", price="400", period=60),
                ),
            ),
            doc.Account(
                name="acme",
                number=ACCOUNT,
                wallet="postpaid",
                credit_limit="2000",
                windows=(doc.WindowLimit(per="phone", seconds=60, limit=2),),
            ),
            doc.Brandname(account="acme", name="Acme"),
            doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
            doc.Application(account="acme", name="app", sentence="Your code is"),
        )
    )


def command(
    number: int, code: NewCode | GivenCode, *, by_call: bool, **changed: Any
) -> SendCode | CallWithCode:
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "id": number,
        "now": NOW,
        "entropy": bytes([number]) * ENTROPY_BYTES,
        "dialect": "test",
        "phone": PHONE,
        "home_country": "VN",
        "client_ip": "203.0.113.7",
        "application": "app",
        "reference": "theirs",
        "code": code,
    } | changed
    if by_call:
        return CallWithCode(**asked, voice="en", pool_required=False)
    return SendCode(**asked, brandname="Acme", text="{OTP} is your code")


def delivered(store: PureStore, number: int) -> tuple[str, int]:
    """(the code that is to be delivered, until when)."""
    job = store.rows[Job, number]
    assert isinstance(job, Job)
    payload = open_payload(job.payload, MessageId(number), store.context.keyring)
    if isinstance(payload, CallPayload):
        return payload.code, payload.valid_until
    assert isinstance(payload, SmsPayload)
    return payload.text.removesuffix(" is your code"), payload.valid_until


@SEND
@CODE
def test_it_is_accepted_priced_and_queued(store: PureStore, code: NewCode | GivenCode, by_call: bool) -> None:
    """With what the integrator calls it, and its price held once."""
    sent = store.run(command(7, code, by_call=by_call))
    assert sent == Accepted(MessageId(7), verification=7 if code is NEW else 0)
    message = store.rows[Message, ACCOUNT, 7]
    assert isinstance(message, Message)
    price = 4_000_000 if by_call else 8_500_000
    assert (message.channel, message.price, message.held) == ("call" if by_call else "sms", price, price)
    assert (message.application, message.reference) == ("app", "theirs")
    assert store.balance(ACCOUNT) == -price
    assert [entry.amount for entry in store.ledger(ACCOUNT)] == [-price]


@SEND
def test_a_new_code_can_be_checked_and_a_given_one_cannot(store: PureStore, by_call: bool) -> None:
    """A given code is its sender's to check."""

    def check(code: str) -> Check:
        found = store.run(CheckCode(account=ACCOUNT, id=99, now=NOW, phone=Phone(PHONE), code=code))
        assert isinstance(found, Check)
        return found

    store.run(command(7, GIVEN, by_call=by_call))
    assert delivered(store, 7)[0] == GIVEN.code
    assert check(GIVEN.code) is Check.NOTHING_TO_CHECK
    store.run(command(8, NEW, by_call=by_call))
    assert check(delivered(store, 8)[0]) is Check.RIGHT


@SEND
def test_a_given_code_leaves_the_current_one_alone(store: PureStore, by_call: bool) -> None:
    """Only a new one replaces it, and the story says so."""
    store.run(command(7, NEW, by_call=by_call))
    store.run(command(8, GIVEN, by_call=by_call))
    live = store.rows[LiveVerification, ACCOUNT, PHONE, "code"]
    assert isinstance(live, LiveVerification)
    assert live.verification == 7
    store = PureStore(store.context)
    store.run(command(7, NEW, by_call=by_call))
    store.run(command(8, NEW, by_call=by_call))
    assert [row.kind for row in store.rows.values() if isinstance(row, Event)] == ["superseded"]


@SEND
def test_nobody_waits_longer_than_a_call_is_worth(store: PureStore, by_call: bool) -> None:
    """An SMS may come while its code can be checked; a phone that rings after five minutes surprises."""
    store.run(command(7, NEW, by_call=by_call))
    assert delivered(store, 7)[1] == NOW + (VALID_MS if by_call else TEN_MINUTES)
    store.run(command(8, GIVEN, by_call=by_call))
    assert delivered(store, 8)[1] == NOW + VALID_MS


@SEND
@CODE
def test_one_place_limits_and_charges(store: PureStore, code: NewCode | GivenCode, by_call: bool) -> None:
    """The window and the wallet's floor hold over all four ways; what is refused changes nothing."""
    store.run(command(7, NEW, by_call=False))
    store.run(command(8, GIVEN, by_call=True))
    before = dict(store.rows)
    with pytest.raises(Refused) as limited:
        store.run(command(9, code, by_call=by_call))
    assert limited.value.refusal is Refusal.RATE_LIMITED
    elsewhere = "+84901888485"
    store.run(command(10, code, by_call=True, phone=elsewhere))
    with pytest.raises(Refused) as poor:
        store.run(command(11, code, by_call=by_call, phone=elsewhere))
    assert poor.value.refusal is Refusal.BALANCE_TOO_LOW
    with pytest.raises(Refused) as abroad:
        store.run(command(12, code, by_call=by_call, phone="+8613911281234"))
    assert abroad.value.refusal is Refusal.COUNTRY_NOT_ALLOWED
    assert before.keys() <= store.rows.keys()
    assert {row.subject for row in store.rows.values() if isinstance(row, LedgerEntry)} == {7, 8, 10}
    counted = [row.counters for row in store.rows.values() if isinstance(row, Window)]
    assert sorted(counters.rpartition(":")[2] for counters in counted) == ["1", "2"]


HOW = HowToSend(
    steps=(Step(Channel.SMS),),
    dialect="test",
    home_country="VN",
    client_ip="203.0.113.7",
    application="app",
    reference="",
    category="",
)
CONTINUING = NewCode("0123456789", 6, TEN_MINUTES, how=HOW, continues=3)


def live_code(store: PureStore) -> LiveVerification:
    (live,) = (row for row in store.rows.values() if isinstance(row, LiveVerification))
    return live


def with_plan(number: int, code: NewCode, **changed: Any) -> Any:
    return command(number, code, entropy=bytes(range(number, number + PLAN_ENTROPY_BYTES)), **changed)


@SEND
def test_a_code_that_continues_is_sent_once_more(store: PureStore, by_call: bool) -> None:
    """The same code, hash and end, under the first message's name, up to its number of messages."""
    store.context = unlimited(store)
    first = store.run(with_plan(1, CONTINUING, by_call=by_call))
    before = live_code(store)
    for number in (2, 3):
        again = store.run(with_plan(number, CONTINUING, by_call=by_call, now=NOW + 1_000))
        assert (first.verification, again.verification, again.message) == (1, 1, number)
    after = live_code(store)
    assert (after.code_hash, after.expires_at, after.plan) == (
        before.code_hash,
        before.expires_at,
        before.plan,
    )
    messages = [row for row in store.rows.values() if isinstance(row, Message)]
    assert {(row.verification, row.code_expires_at) for row in messages} == {(1, NOW + TEN_MINUTES)}
    told = [row for row in store.rows.values() if isinstance(row, Event)]
    assert [(row.subject, row.id, row.kind) for row in told] == [(1, 2, "sent again"), (1, 3, "sent again")]
    with pytest.raises(Refused, match="3 messages of a verification"):
        store.run(with_plan(4, CONTINUING, by_call=by_call, now=NOW + 2_000))


def test_a_code_of_another_length_or_of_the_senders_own_begins_anew(store: PureStore) -> None:
    """It could not be sent in place of the one that is asked for."""
    store.context = unlimited(store)
    store.run(with_plan(1, CONTINUING, by_call=False))
    for number, other in ((2, {"length": 4}), (3, {"length": 5, "own": "aB12c"})):
        asked = msgspec.structs.replace(CONTINUING, **other)
        assert store.run(with_plan(number, asked, by_call=False)).verification == number


def test_a_code_of_the_senders_own_is_checked_here(store: PureStore) -> None:
    """Case does not matter, as with every code."""
    store.run(command(1, NewCode("0123456789", 5, TEN_MINUTES, own="aB12c"), by_call=False))
    check = CheckCode(account=ACCOUNT, id=9, now=NOW, phone=Phone(PHONE), code="Ab12C")
    assert store.run(check) is Check.RIGHT


def unlimited(store: PureStore) -> Context:
    """The store's configuration without windows, and with credit enough."""
    account = doc.Account(name="acme", number=ACCOUNT, wallet="postpaid", windows=())
    directory = store.context.directory.replace({(account.kind, account.identity): account}, revision=2)
    return msgspec.structs.replace(store.context, directory=directory)
