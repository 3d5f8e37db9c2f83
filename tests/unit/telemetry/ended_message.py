"""A message that was delivered."""

from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import Message
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone

ASKED_AT = 1_800_000_000_000
ENDED = Message(
    account=AccountId(7),
    id=MessageId(first_id_at(ASKED_AT)),
    dialect="native",
    channel="sms",
    phone=Phone("+84901888484"),
    sender="ACME",
    application="",
    reference="",
    client_ip="",
    verification=1,
    code_expires_at=0,
    segments=1,
    period=0,
    unit_price=Minor(8_500_000),
    price=Minor(8_500_000),
    held=Minor(0),
    charged=Minor(8_500_000),
    talked_ms=0,
    state="delivered",
    reason="",
    ended_at=ASKED_AT + 2_000,
)
