import itertools

import msgspec

from onema.domain.codes.check_code import WRONG_CHECKS, WRONG_CHECKS_OF_A_PHONE, Check, CheckCode
from onema.domain.codes.reset_windows import ResetWindows
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import ATTEMPTS, PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import LiveVerification, Window
from onema.domain.values.phone import Phone as PhoneNumber
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(7)
PHONE = "+84901888484"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
(_, A_HOUR), (_, A_DAY) = WRONG_CHECKS_OF_A_PHONE


class Phone:
    """A phone that gets codes without end, and somebody who tries them."""

    def __init__(self) -> None:
        self.store = PureStore(
            context_of(
                doc.Tariff(name="t", rates=(doc.Rate(channel="sms", price="1"),)),
                doc.Account(name="a", number=ACCOUNT, tariff="t", wallet="postpaid", windows=()),
                doc.Brandname(account="a", name="A"),
                doc.Template(account="a", brandname="A", text="{OTP}"),
            )
        )
        self._ids = itertools.count(1)
        self.now = 1_000_000

    def gets_code(self, code: str, phone: str = PHONE) -> None:
        number = next(self._ids)
        keyring = self.store.context.keyring
        self.store.run(
            SendCode(
                account=ACCOUNT,
                id=MessageId(number),
                now=self.now,
                entropy=bytes(ENTROPY_BYTES),
                dialect="test",
                phone=PhoneNumber(phone),
                home_country="VN",
                client_ip="203.0.113.7",
                code=NewCode("0123456789", 4, 60_000),
                brandname="A",
                text="{OTP}",
            )
        )
        live = self.store.rows[LiveVerification, ACCOUNT, phone, PURPOSE]
        assert isinstance(live, LiveVerification)
        known = msgspec.structs.replace(live, code_hash=keyring.code_hash(number, code))
        self.store.rows[live.key] = known

    def check(self, code: str, phone: str = PHONE) -> Check:
        command = CheckCode(
            account=ACCOUNT, id=next(self._ids), now=self.now, phone=PhoneNumber(phone), code=code
        )
        found: Check = self.store.run(command)
        return found

    def wrong_checks(self) -> int:
        """How many wrong codes may be tried, with as many codes as it takes."""
        for tried in range(10_000):
            if tried % ATTEMPTS == 0:
                self.gets_code("1234")
            if self.check("0000") is not Check.WRONG:
                return tried
        raise AssertionError("guessing has no end")


def test_guessing_ends_however_many_codes_a_phone_gets() -> None:
    """Over all its codes, and for its own account alone; then the right code is not looked at either."""
    phone = Phone()
    assert phone.wrong_checks() == A_HOUR
    phone.gets_code("1234")
    assert phone.check("1234") is Check.EXHAUSTED
    phone.gets_code("1234", "+84901888485")
    assert phone.check("1234", "+84901888485") is Check.RIGHT


def test_a_phone_may_go_on_after_an_hour_and_a_day() -> None:
    """Whoever owns it is not locked out for ever by somebody who guesses."""
    phone = Phone()
    tried = 0
    for _ in range(24):
        tried += phone.wrong_checks()
        phone.now += HOUR_MS
    assert tried == A_DAY
    phone.now += DAY_MS
    assert phone.wrong_checks() == A_HOUR


def test_right_codes_are_not_counted() -> None:
    """A phone of a tester gets and checks as many as it likes."""
    phone = Phone()
    for _ in range(A_DAY + 1):
        phone.gets_code("1234")
        assert phone.check("1234") is Check.RIGHT
    assert not any(isinstance(row, Window | LiveVerification) for row in phone.store.rows.values())


def test_a_used_code_leaves_the_wrong_checks_behind_and_nothing_to_check() -> None:
    """Else whoever guesses would begin anew after each code that its owner uses."""
    phone = Phone()
    phone.gets_code("1234")
    assert phone.check("0000") is Check.WRONG
    assert phone.check("1234") is Check.RIGHT
    assert phone.check("1234") is Check.NOTHING_TO_CHECK
    assert phone.wrong_checks() == A_HOUR - 1
    phone.now += DAY_MS
    assert phone.check("1234") is Check.NOTHING_TO_CHECK
    assert not any(isinstance(row, LiveVerification) for row in phone.store.rows.values())


def test_an_operator_lets_a_phone_be_tried_again() -> None:
    """And hears how often it had been tried; its current code stays."""
    phone = Phone()
    phone.wrong_checks()
    phone.gets_code("1234")
    (forgotten,) = phone.store.run(ResetWindows((), ((ACCOUNT, PHONE, PURPOSE),)))
    assert forgotten.scope == WRONG_CHECKS
    assert forgotten.counters.startswith(f"3600:1000000:{A_HOUR},")
    assert phone.check("1234") is Check.RIGHT
    assert phone.store.run(ResetWindows((), ((ACCOUNT, PHONE, PURPOSE),))) == ()
