"""What every carrier that makes and checks codes must do, as tests. A carrier's test module subclasses this and
provides `carrier`, and `code_of`, which says what the phone shows of the code with a reference.
"""

from collections.abc import Callable

import pytest

from onema.channels.contract import Share
from onema.channels.own_codes import AskedCode, VerifyingCarrier
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel
from onema.domain.values.phone import Phone

TAKEN = (OutcomeKind.SUBMITTED, OutcomeKind.DELIVERED)
PHONE = Phone("+84901888484")
WRONG = "000000"


class VerifyingCarrierConformance:
    @pytest.fixture
    def carrier(self) -> VerifyingCarrier:
        raise NotImplementedError

    @pytest.fixture
    def code_of(self, carrier: VerifyingCarrier) -> Callable[[str], str]:
        raise NotImplementedError

    @staticmethod
    def asked(number: int, attempt: int = 1, phone: Phone = PHONE) -> AskedCode:
        """`valid_until` is later than any clock of a test."""
        return AskedCode(AccountId(7), MessageId(number), attempt, Channel.SMS, phone, 2**52)

    async def sent(self, carrier: VerifyingCarrier, asked: AskedCode) -> str:
        """The reference of its code."""
        outcome = await carrier.send_code(asked)
        assert outcome.kind in TAKEN
        (reference,) = outcome.references
        return reference

    async def test_the_right_code_is_right_once(
        self, carrier: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Then there is none any more."""
        reference = await self.sent(carrier, self.asked(1))
        code = code_of(reference)
        assert len(code) == carrier.code_length
        assert await carrier.check_code(reference, code) is Verdict.RIGHT
        assert await carrier.check_code(reference, code) is Verdict.EXPIRED

    async def test_a_wrong_code_is_wrong_and_the_right_one_still_right(
        self, carrier: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """One mistake costs one try."""
        reference = await self.sent(carrier, self.asked(1))
        assert await carrier.check_code(reference, WRONG) is Verdict.WRONG
        assert await carrier.check_code(reference, code_of(reference)) is Verdict.RIGHT

    async def test_tries_end(self, carrier: VerifyingCarrier, code_of: Callable[[str], str]) -> None:
        """Sooner or later also the right code is not looked at; until then wrong is wrong."""
        reference = await self.sent(carrier, self.asked(1))
        verdicts = [await carrier.check_code(reference, WRONG) for _ in range(50)]
        assert verdicts[0] is Verdict.WRONG
        assert set(verdicts) <= {Verdict.WRONG, Verdict.EXHAUSTED, Verdict.EXPIRED}
        assert await carrier.check_code(reference, code_of(reference)) in (Verdict.EXHAUSTED, Verdict.EXPIRED)

    async def test_a_new_code_replaces_the_one_before(
        self, carrier: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """A phone has one; that of another phone stays."""
        other = await self.sent(carrier, self.asked(1, phone=Phone("+84901888485")))
        old = await self.sent(carrier, self.asked(2))
        new = await self.sent(carrier, self.asked(3))
        assert len({old, new, other}) == 3
        assert await carrier.check_code(old, code_of(old)) is Verdict.EXPIRED
        assert await carrier.check_code(new, code_of(new)) is Verdict.RIGHT
        assert await carrier.check_code(other, code_of(other)) is Verdict.RIGHT

    async def test_the_same_attempt_gets_the_same_code(
        self, carrier: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Where it says that it is idempotent: whoever asks again after a crash sends nothing twice."""
        first, again = [await self.sent(carrier, self.asked(1)) for _ in range(2)]
        assert (first == again) == carrier.idempotent
        assert await carrier.check_code(again, code_of(again)) is Verdict.RIGHT

    async def test_a_code_that_it_does_not_know_is_expired(self, carrier: VerifyingCarrier) -> None:
        """Never wrong: there is nothing to compare with."""
        assert await carrier.check_code("ref-0-0-0", WRONG) is Verdict.EXPIRED

    async def test_a_cancelled_code_is_no_more(
        self, carrier: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Twice, or one that it does not know, does no harm."""
        reference = await self.sent(carrier, self.asked(1))
        await carrier.cancel_code(reference)
        await carrier.cancel_code(reference)
        await carrier.cancel_code("ref-0-0-0")
        assert await carrier.check_code(reference, code_of(reference)) is Verdict.EXPIRED

    async def test_it_lives_with_shares_and_stops(self, carrier: VerifyingCarrier) -> None:
        """As every carrier does."""
        was_ready = carrier.ready
        assert carrier.allow(Share(2)) >= 0
        await carrier.start(lambda: None)
        is_ready = carrier.ready
        assert carrier.send_seconds > 0
        assert carrier.check_seconds > 0
        await carrier.stop()
        assert (was_ready, is_ready, carrier.ready) == (False, True, False)
