"""Carriers of the second kind: they make a code, send it, and say whether what was typed is right."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from onema.channels.contract import Figures, Outgoing, ReportsFigures, Share
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.payload import CallPayload, Payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel
from onema.domain.values.phone import Phone


class AskedCode(msgspec.Struct, frozen=True, gc=False):
    """A code to be made and sent by one attempt; after `valid_until` (Unix ms) it is of no use. Of what we would have
    sent nothing is in it.
    """

    account: AccountId
    message: MessageId
    attempt: int
    channel: Channel
    phone: Phone
    valid_until: int


class VerifyingCarrier(Protocol):
    """One configured service that makes and checks codes.

    `send_code` is a carrier's `send`: every ending is an Outcome, and one that may have sent something is never
    TEMPORARY. Only with one of `references` can its code be checked later. A code that it still has for the phone is
    replaced. `idempotent`: the same attempt may be asked for again after a crash, and gets the same code and
    reference.
    """

    name: str
    idempotent: bool
    code_length: int
    """What is typed as a number has lost its zeros: it is filled up to this length."""
    send_seconds: float
    """How long `send_code` may take at most."""
    check_seconds: float
    """How long `check_code` may take at most; a person is waiting. What takes longer had no answer."""

    @property
    def ready(self) -> bool:
        """As every carrier's."""

    @property
    def problem(self) -> str:
        """As every carrier's."""

    async def start(self, on_news: Callable[[], None]) -> None:
        """As every carrier's."""

    def allow(self, share: Share) -> int:
        """As every carrier's."""

    async def send_code(self, asked: AskedCode) -> Outcome: ...

    async def check_code(self, reference: str, typed: str) -> Verdict:
        """One try, at the carrier's own limits. The right code is right once. Never raises for what the service says;
        NO_ANSWER where it is not known whether the try was counted there.
        """

    async def cancel_code(self, reference: str) -> None:
        """Nobody will check this code. Best effort."""

    async def stop(self) -> None:
        """As every carrier's."""


class OwnCodes:
    """A VerifyingCarrier in the place of a Carrier: attempts, seats and life are the same for both."""

    def __init__(self, verifying: VerifyingCarrier) -> None:
        self.verifying = verifying
        """Whom checks are forwarded to."""
        self.name = verifying.name
        self.idempotent = verifying.idempotent

    @property
    def ready(self) -> bool:
        return self.verifying.ready

    @property
    def problem(self) -> str:
        return self.verifying.problem

    async def start(self, on_news: Callable[[], None]) -> None:
        await self.verifying.start(on_news)

    def answer_seconds(self, payload: Payload) -> float:
        return self.verifying.send_seconds

    def allow(self, share: Share) -> int:
        return self.verifying.allow(share)

    def figures(self) -> Figures:
        verifying = self.verifying
        return verifying.figures() if isinstance(verifying, ReportsFigures) else Figures()

    async def send(self, outgoing: Outgoing) -> Outcome:
        payload = outgoing.payload
        channel = Channel.CALL if isinstance(payload, CallPayload) else Channel.SMS
        return await self.verifying.send_code(
            AskedCode(
                outgoing.account,
                outgoing.message,
                outgoing.attempt,
                channel,
                payload.phone,
                payload.valid_until,
            )
        )

    async def stop(self) -> None:
        await self.verifying.stop()
