"""Calls that read out a registered text: which texts, what they cost at most, several phones at once."""

import math
from typing import Any

import pytest

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_code import LONGEST_CALL_SECONDS
from onema.domain.codes.call_with_text import CallWithText, longest_reading
from onema.domain.codes.send_together import SendTogether
from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import CallPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Job, JobKind, Message
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
NOW = 1_800_000_000_000
PERIOD, PRICE = 6, 4_000_000
TEXT = "码是4711，谢谢"


def template(text: str, **fields: Any) -> doc.Template:
    return doc.Template(account="acme", brandname="Acme", text=text, **{"spoken": True, **fields})


@pytest.fixture
def store() -> PureStore:
    return PureStore(
        context_of(
            doc.Tariff(name="default", rates=(doc.Rate(channel="call", price="400", period=PERIOD),)),
            doc.Account(name="acme", number=ACCOUNT, wallet="postpaid", windows=(), credit_limit="5000"),
            doc.Application(account="acme", name="app", pool="numbers"),
            doc.HotlinePool(name="numbers"),
            doc.Hotline(pool="numbers", number="02471098888", daily_cap=2),
            doc.Brandname(account="acme", name="Acme"),
            template("码是{P1,9}，谢谢", name="1"),
            template("{P2,500}", name="any"),
            template("sms {P1,9}", name="sms", spoken=False),
            template("off {P1,9}", name="off", state="inactive"),
        )
    )


def call(number: int = 7, **changed: Any) -> CallWithText:
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "application": "app",
        "id": MessageId(number),
        "now": NOW,
        "entropy": bytes(NONCE_BYTES),
        "dialect": "test",
        "phone": Phone("+84901888484"),
        "home_country": "VN",
        "client_ip": "127.0.0.1",
        "template": "1",
        "text": TEXT,
        "voice": "zh",
    }
    return CallWithText(**asked | changed)


def test_an_accepted_call_holds_the_price_of_the_longest_reading(store: PureStore) -> None:
    """What it says is sealed in its job; it is a call of the application's pool."""
    assert store.run(call(times=2, rate=1.1, category="notice")) == Accepted(MessageId(7))
    message, job = store.rows[Message, ACCOUNT, 7], store.rows[Job, 7]
    assert isinstance(message, Message)
    assert isinstance(job, Job)
    seconds = longest_reading(TEXT, 2, 1.1)
    assert (message.price, message.held) == (PRICE * math.ceil(seconds / PERIOD),) * 2
    assert (message.channel, message.category, message.sender) == ("call", "notice", "02471098888")
    assert job.kind == JobKind.CALL
    payload = open_payload(job.payload, MessageId(7), store.context.keyring)
    assert isinstance(payload, CallPayload)
    assert (payload.spoken_text, payload.code, payload.sentence) == (TEXT, "", None)
    assert (payload.times, payload.rate, payload.max_seconds) == (2, 1.1, seconds)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"template": "2"}, Refusal.TEMPLATE_MISMATCH),
        ({"template": "sms", "text": "sms 4711"}, Refusal.TEMPLATE_MISMATCH),
        ({"template": "off", "text": "off 4711"}, Refusal.TEMPLATE_MISMATCH),
        ({"text": "码是1234567890，谢谢"}, Refusal.TEMPLATE_MISMATCH),
        ({"text": "another"}, Refusal.TEMPLATE_MISMATCH),
        ({"template": "any", "text": "!?"}, Refusal.TEXT_NOT_SENDABLE),
        ({"template": "any", "text": "long " * 61}, Refusal.TEXT_NOT_SENDABLE),
        ({"template": "any", "text": "a, " * 17}, Refusal.TEXT_NOT_SENDABLE),
        ({"phone": Phone("+8613911281234")}, Refusal.COUNTRY_NOT_ALLOWED),
        ({"application": "other"}, Refusal.APPLICATION_UNKNOWN),
        ({"template": "any", "text": "long " * 50, "times": 3}, Refusal.BALANCE_TOO_LOW),
    ],
)
def test_what_may_not_be_read_out_is_refused(
    store: PureStore, changed: dict[str, Any], refusal: Refusal
) -> None:
    """And nothing is written."""
    with pytest.raises(Refused) as refused:
        store.run(call(**changed))
    assert refused.value.refusal is refusal
    assert not store.rows


def test_several_phones_are_all_called_or_none(store: PureStore) -> None:
    """The pool has room for two; each call is one message of the first one's request."""
    phones = ("+84901888484", "+84901888485", "+84901888486")
    calls = [call(7 + at, phone=Phone(phone), together=7) for at, phone in enumerate(phones)]
    with pytest.raises(Refused):
        store.run(SendTogether(tuple(calls)))
    assert not store.rows
    assert store.run(SendTogether(tuple(calls[:2]))) == Accepted(MessageId(7))
    kept = [store.rows[Message, ACCOUNT, number] for number in (7, 8)]
    assert [(row.phone, row.together) for row in kept if isinstance(row, Message)] == [
        (phones[0], 7),
        (phones[1], 7),
    ]


def test_no_reading_is_longer_than_a_call_may_be() -> None:
    """The slower and the more often, the longer; and longer for Chinese than for as many letters."""
    assert longest_reading("x" * 300, 3, 0.5) <= LONGEST_CALL_SECONDS
    assert longest_reading("码" * 300, 3, 0.5) == LONGEST_CALL_SECONDS
    assert longest_reading(TEXT, 1, 1.0) < longest_reading(TEXT, 2, 1.0) < longest_reading(TEXT, 2, 0.6)
