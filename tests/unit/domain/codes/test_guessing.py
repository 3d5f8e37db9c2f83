import itertools

from onema.domain.codes.check_code import WRONG_CHECKS_OF_A_PHONE, Check, CheckCode
from onema.domain.codes.verification import ATTEMPTS
from onema.domain.configuration import documents as doc
from onema.domain.records import LiveVerification, Window
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = 7
PHONE = "+84901888484"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
(_, A_HOUR), (_, A_DAY) = WRONG_CHECKS_OF_A_PHONE


class Phone:
    """A phone that gets codes without end, and somebody who tries them."""

    def __init__(self) -> None:
        self.store = PureStore(
            context_of(doc.Tariff(name="t"), doc.Account(name="a", number=ACCOUNT, tariff="t"))
        )
        self._ids = itertools.count(1)
        self.now = 1_000_000

    def gets_code(self, code: str, phone: str = PHONE) -> None:
        number = next(self._ids)
        live = LiveVerification(
            account=ACCOUNT,
            phone=phone,
            purpose="code",
            verification=number,
            code_hash=self.store.context.keyring.code_hash(number, code),
            attempts_left=ATTEMPTS,
            expires_at=self.now + 60_000,
        )
        self.store.rows[live.key] = live

    def check(self, code: str, phone: str = PHONE) -> Check:
        command = CheckCode(account=ACCOUNT, id=next(self._ids), now=self.now, phone=phone, code=code)
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
    assert not any(isinstance(row, Window) for row in phone.store.rows.values())
