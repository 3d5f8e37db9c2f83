"""What every carrier that makes and checks codes must do, as tests. A carrier's test module subclasses this and
provides `carrier`, not started, and `code_of`, which says what the phone shows of the code with a reference.
"""

from collections.abc import AsyncIterator, Callable
from typing import ClassVar

import pytest
import pytest_asyncio

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
    can_cancel: ClassVar[bool] = True
    """Whether the service can be told to forget a code."""

    @pytest.fixture
    def carrier(self) -> VerifyingCarrier:
        raise NotImplementedError

    @pytest.fixture
    def code_of(self, carrier: VerifyingCarrier) -> Callable[[str], str]:
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def running(self, carrier: VerifyingCarrier) -> AsyncIterator[VerifyingCarrier]:
        await carrier.start(lambda: None)
        yield carrier
        await carrier.stop()

    def asked(self, number: int, attempt: int = 1, phone: Phone = PHONE) -> AskedCode:
        """`valid_until` is later than any clock of a test."""
        return AskedCode(AccountId(7), MessageId(number), attempt, Channel.SMS, phone, 2**52)

    async def sent(self, carrier: VerifyingCarrier, asked: AskedCode) -> str:
        """The reference of its code."""
        outcome = await carrier.send_code(asked)
        assert outcome.kind in TAKEN
        (reference,) = outcome.references
        return reference

    async def test_the_right_code_is_right_once(
        self, running: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Then there is none any more."""
        reference = await self.sent(running, self.asked(1))
        code = code_of(reference)
        assert len(code) == running.code_length
        assert await running.check_code(reference, code) is Verdict.RIGHT
        assert await running.check_code(reference, code) is Verdict.EXPIRED

    async def test_a_wrong_code_is_wrong_and_the_right_one_still_right(
        self, running: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """One mistake costs one try."""
        reference = await self.sent(running, self.asked(1))
        assert await running.check_code(reference, WRONG) is Verdict.WRONG
        assert await running.check_code(reference, code_of(reference)) is Verdict.RIGHT

    async def test_tries_end(self, running: VerifyingCarrier, code_of: Callable[[str], str]) -> None:
        """Sooner or later also the right code is not looked at; until then wrong is wrong."""
        reference = await self.sent(running, self.asked(1))
        verdicts = [await running.check_code(reference, WRONG) for _ in range(50)]
        assert verdicts[0] is Verdict.WRONG
        assert set(verdicts) <= {Verdict.WRONG, Verdict.EXHAUSTED, Verdict.EXPIRED}
        assert await running.check_code(reference, code_of(reference)) in (Verdict.EXHAUSTED, Verdict.EXPIRED)

    async def test_a_new_code_replaces_the_one_before(
        self, running: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """A phone has one; that of another phone stays."""
        other = await self.sent(running, self.asked(1, phone=Phone("+84901888485")))
        old = await self.sent(running, self.asked(2))
        new = await self.sent(running, self.asked(3))
        assert len({old, new, other}) == 3
        assert await running.check_code(old, code_of(old)) is Verdict.EXPIRED
        assert await running.check_code(new, code_of(new)) is Verdict.RIGHT
        assert await running.check_code(other, code_of(other)) is Verdict.RIGHT

    async def test_the_same_attempt_gets_the_same_code(
        self, running: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Where it says that it is idempotent: whoever asks again after a crash sends nothing twice."""
        first, again = [await self.sent(running, self.asked(1)) for _ in range(2)]
        assert (first == again) == running.idempotent
        assert await running.check_code(again, code_of(again)) is Verdict.RIGHT

    async def test_a_code_that_it_does_not_know_is_expired(self, running: VerifyingCarrier) -> None:
        """Never wrong: there is nothing to compare with."""
        assert await running.check_code("ref-0-0-0", WRONG) is Verdict.EXPIRED

    async def test_a_cancelled_code_is_no_more(
        self, running: VerifyingCarrier, code_of: Callable[[str], str]
    ) -> None:
        """Twice, or one that it does not know, does no harm; nor does it where there is no such thing."""
        reference = await self.sent(running, self.asked(1))
        await running.cancel_code(reference)
        await running.cancel_code(reference)
        await running.cancel_code("ref-0-0-0")
        left = Verdict.EXPIRED if self.can_cancel else Verdict.RIGHT
        assert await running.check_code(reference, code_of(reference)) is left

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
