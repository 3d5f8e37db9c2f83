"""Someone who sends codes over the pure core, at a time of the test's own."""

import itertools
from typing import Any

import msgspec

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode, NewCode
from onema.domain.codes.verification import PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import LiveVerification
from onema.domain.refusals import Guarded
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(7)
PHONE = "+84901888484"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_800_000_000_000 // DAY * DAY
"""The first millisecond of a day of UTC."""


class Sender:
    """Sends to any country. `guard` are the fields of the installation's guard, `windows` those of the account."""

    def __init__(self, windows: tuple[doc.WindowLimit, ...] = (), **guard: Any) -> None:
        self.store = PureStore(
            context_of(
                doc.Tariff(name="t", rates=(doc.Rate(channel="sms", price="100"),)),
                doc.Account(
                    name="a", number=ACCOUNT, tariff="t", wallet="postpaid", countries=("*",), windows=windows
                ),
                doc.Application(account="a", name="app"),
                doc.Brandname(account="a", name="A"),
                doc.Template(account="a", brandname="A", text="{OTP}"),
                doc.Guard(name="*", **({"mode": "block"} | guard)),
            )
        )
        self.now = START
        self._numbers = itertools.count(1)

    def send(self, phone: str = PHONE, *, given: bool = False, **changed: Any) -> Accepted:
        """Raises Guarded and Refused."""
        number = first_id_at(self.now) + next(self._numbers)
        asked: dict[str, Any] = {
            "account": ACCOUNT,
            "id": MessageId(number),
            "now": self.now,
            "entropy": bytes(ENTROPY_BYTES),
            "dialect": "test",
            "phone": Phone(phone),
            "home_country": "VN",
            "client_ip": "203.0.113.7",
            "code": GivenCode("1234") if given else NewCode("0123456789", 4, 300_000),
            "brandname": "A",
            "text": "{OTP}",
        } | changed
        accepted: Accepted = self.store.run(SendCode(**asked))
        return accepted

    def rules(self, phone: str = PHONE, **changed: Any) -> list[str]:
        """What the guard refuses a message for; nothing when it goes out."""
        try:
            self.send(phone, **changed)
        except Guarded as guarded:
            return [one.rule for one in guarded.found]
        return []

    def type_in(self, phone: str = PHONE) -> None:
        """The phone's person types the right code in."""
        key = (LiveVerification, ACCOUNT, phone, PURPOSE)
        live = self.store.rows[key]
        assert isinstance(live, LiveVerification)
        code_hash = self.store.context.keyring.code_hash(live.verification, "1234")
        self.store.rows[key] = msgspec.structs.replace(live, code_hash=code_hash)
        number = first_id_at(self.now) + next(self._numbers)
        found = self.store.run(
            CheckCode(account=ACCOUNT, id=number, now=self.now, phone=Phone(phone), code="1234")
        )
        assert found is Check.RIGHT

    def verify(self, phone: str = PHONE, **changed: Any) -> None:
        self.send(phone, **changed)
        self.type_in(phone)
