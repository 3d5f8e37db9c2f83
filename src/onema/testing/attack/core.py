"""The core as somebody's service would use it: codes are sent and checked at a time of the simulation's own."""

import itertools
from typing import Any

from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import draw_code
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Event, Job, LedgerEntry, Message
from onema.domain.refusals import Guarded, Refused
from onema.domain.values.money import Minor, parse_amount
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
HOME_PRICE, ABROAD_PRICE = "700", "4500"
CODE = NewCode("0123456789", 6, 300_000)
_FORGOTTEN = (Message, Job, LedgerEntry, Event)
_NEWEST = 16
"""No command makes more rows."""


class Answer:
    """What became of a request: "sent", or the word of the refusal; `rules` where it was the guard's; what it cost."""

    __slots__ = ("cost", "rules", "word")

    def __init__(self, word: str, rules: tuple[str, ...], cost: Minor) -> None:
        self.word, self.rules, self.cost = word, rules, cost

    @property
    def sent(self) -> bool:
        return self.word == "sent"


class SimulatedCore:
    """One account in Viet Nam, which may send anywhere, under a guard."""

    def __init__(self, guard: doc.Guard, entropy: Any) -> None:
        """`entropy(n)` gives n bytes."""
        rates = (
            doc.Rate(channel="sms", price=ABROAD_PRICE),
            doc.Rate(channel="sms", prefix="+84", price=HOME_PRICE),
        )
        self._store = PureStore(
            context_of(
                doc.Tariff(name="t", rates=rates),
                doc.Account(name="shop", number=ACCOUNT, tariff="t", countries=("*",)),
                doc.Brandname(account="shop", name="Shop"),
                doc.Template(account="shop", brandname="Shop", text="{OTP} is your code"),
                guard,
            )
        )
        self._entropy = entropy
        self._numbers = itertools.count(1)
        top_up = TopUpWallet(
            id=MessageId(next(self._numbers)), now=0, account="shop", reference="all", amount=Minor(10**15)
        )
        self._store.run(top_up)

    def send(self, now: int, phone: str, address: str) -> tuple[Answer, str]:
        """(the answer, the code that is on the phone now)."""
        entropy = self._entropy(ENTROPY_BYTES)
        command = SendCode(
            account=ACCOUNT,
            id=MessageId(first_id_at(now) + next(self._numbers) % 4_000),
            now=now,
            entropy=entropy,
            dialect="attack",
            phone=Phone(phone),
            home_country="VN",
            client_ip="192.0.2.1",
            person_ip=address,
            code=CODE,
            brandname="Shop",
            text="{OTP} is your code",
        )
        price = parse_amount(HOME_PRICE if phone.startswith("+84") else ABROAD_PRICE)
        try:
            self._store.run(command)
        except Guarded as refused:
            return Answer(refused.refusal.value, tuple(found.rule for found in refused.found), price), ""
        except Refused as refused:
            return Answer(refused.refusal.value, (), price), ""
        self._forget()
        return Answer("sent", (), price), draw_code(CODE.alphabet, CODE.length, entropy)

    def check(self, now: int, phone: str, code: str) -> Check:
        command = CheckCode(
            account=ACCOUNT,
            id=first_id_at(now) + next(self._numbers) % 4_000,
            now=now,
            phone=Phone(phone),
            code=code,
        )
        found: Check = self._store.run(command)
        self._forget()
        return found

    def _forget(self) -> None:
        """What nobody asks for again, of the rows that are newest: a simulation has hundreds of thousands of
        messages.
        """
        rows = self._store.rows
        for key in list(itertools.islice(reversed(rows), _NEWEST)):
            if key[0] in _FORGOTTEN:
                del rows[key]
