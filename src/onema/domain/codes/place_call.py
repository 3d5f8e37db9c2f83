"""Hold the price of a call that reads a code out, take a hotline for it, and queue it."""

import math
from collections.abc import Iterable

import msgspec

from onema.domain.codes import limits
from onema.domain.codes.hotlines import hotline_keys, take_hotline
from onema.domain.codes.send_sms_code import Sent
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.documents import Application
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import CallPayload, seal_payload
from onema.domain.keyring import NONCE_BYTES
from onema.domain.money import wallet
from onema.domain.records import Channel, JobKind, Key, Message, MessageState, Row, Wallet
from onema.domain.refusals import Refusal, Refused

ENTROPY_BYTES = NONCE_BYTES
"""A nonce's."""

VALID_MS = 300_000
"""A code that could not be read out in five minutes is no longer waited for."""

LONGEST_CALL_SECONDS = 300


class PlaceCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Call `phone` and read `code` out `times` times in `voice` at `rate`, after the application's sentence.

    `id` becomes the message's; `reference` is the dialect's own name for it. Without `pool_required` an
    application that names no pool leaves the caller number to the carrier. Result: Sent. Raises Refused.
    """

    account: int
    application: str
    id: int
    now: int
    entropy: bytes
    dialect: str
    phone: str
    home_country: str
    client_ip: str
    code: str
    voice: str
    rate: float = 1.0
    times: int = 1
    reference: str = ""
    pool_required: bool = True

    def keys(self, context: Context) -> Iterable[Key]:
        account, application = self._sender(context)
        return [
            (Wallet, self.account),
            *limits.window_keys(account, self.phone, self.client_ip),
            *hotline_keys(context.directory.pools.get(application.pool)),
        ]

    def _sender(self, context: Context) -> tuple[AccountView, Application]:
        """The configuration may have changed since the request was authenticated."""
        account = context.directory.accounts.get(self.account)
        application = account.applications.get(self.application) if account else None
        if account is None or application is None:
            raise Refused(Refusal.APPLICATION_UNKNOWN)
        return account, application.document

    def decide(self, world: World, context: Context) -> Decision:
        account, application = self._sender(context)
        account.admit_destination(self.phone, self.home_country, Channel.CALL)
        unit_price, period = context.directory.rate(account, Channel.CALL, self.phone)
        seconds = longest_call(application.sentence, self.code, self.times, self.rate)
        price = unit_price * math.ceil(seconds / period)
        windows = limits.count_send(world, account, self.phone, self.client_ip, self.now)
        balance, entry = wallet.hold(world, account, self.id, price, self.now)
        caller, counters = "", tuple[Row, ...]()
        if application.pool or self.pool_required:
            caller, counter = take_hotline(world, context.directory.pools.get(application.pool), self.now)
            counters = (counter,)

        payload = CallPayload(
            phone=self.phone,
            caller=caller,
            voice=self.voice,
            code=self.code,
            sentence=application.sentence,
            times=self.times,
            rate=self.rate,
            max_seconds=seconds,
            valid_until=self.now + VALID_MS,
        )
        sealed = seal_payload(payload, self.id, context.keyring, self.entropy)
        job = delivery_job(JobKind.CALL, self.account, self.id, self.now, sealed)
        message = Message(
            account=self.account,
            id=self.id,
            dialect=self.dialect,
            channel=Channel.CALL,
            phone=self.phone,
            sender=caller,
            application=self.application,
            reference=self.reference,
            client_ip=self.client_ip,
            verification=0,
            code_expires_at=0,
            segments=0,
            period=period,
            unit_price=unit_price,
            price=price,
            held=price,
            charged=0,
            talked_ms=0,
            state=MessageState.ACCEPTED,
            reason="",
            ended_at=0,
        )
        return Decision(Sent(self.id), puts=(balance, *windows, *counters), inserts=(message, job, entry))


def longest_call(sentence: str | None, code: str, times: int, rate: float) -> int:
    """Seconds after which the call is ended on the wire, and for which its price is held.

    Generous for the slowest voice: a sentence of 15 letters or a spelled character with its pause a second.
    """
    spoken = len(sentence) / 15 + 2 if sentence is not None else 6
    return min(LONGEST_CALL_SECONDS, math.ceil(times * (spoken + 1.3 * len(code)) / rate) + 5)
