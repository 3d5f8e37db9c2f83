"""Call a phone and read a code out, one that is made here or one that was given."""

import math
from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import (
    Accepted,
    Send,
    accept_message,
    keys_to_accept,
    message_row,
)
from onema.domain.codes.hotlines import hotline_keys, take_hotline
from onema.domain.codes.once import reference_keys, use_reference
from onema.domain.codes.request_once import remember, request_keys, served_before
from onema.domain.codes.start_verification import (
    VALID_MS,
    Code,
    GivenCode,
    Verification,
    begun_just_now,
    keys_to_verify,
    start_verification,
)
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.documents import Application
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import CallPayload, seal_payload
from onema.domain.delivery.recall import calls_held_for, longer_worth_ms
from onema.domain.records import Channel, JobKind, Key, Row
from onema.domain.refusals import Refusal, Refused

LONGEST_CALL_SECONDS = 300


class CallWithCode(Send, frozen=True, kw_only=True, gc=False):
    """Call the phone and read `code` out `times` times in `voice` at `rate`, after the application's sentence.

    Without `pool_required` an application that names no pool leaves the caller number to the carrier. With
    `once_seconds`, a message with the same `reference` is refused for so long; a `dry_run` is decided as far as that,
    and leaves nothing. `callback_url`, `category` and `campaign` are the message's.
    Result: Accepted. Raises Refused.
    """

    code: Code
    voice: str
    rate: float = 1.0
    times: int = 1
    pool_required: bool = True
    once_seconds: int = 0
    dry_run: bool = False
    callback_url: str = ""
    category: str = ""
    campaign: str = ""

    @property
    def checkable(self) -> bool:
        return not isinstance(self.code, GivenCode)

    def keys(self, context: Context) -> Iterable[Key]:
        account, application = caller_of(self, context)
        return (
            *keys_to_accept(self, account, context),
            *keys_to_verify(self, self.code),
            *hotline_keys(context.directory.pools.get(application.pool)),
            *reference_keys(self, self.once_seconds),
            *request_keys(self),
        )

    def decide(self, world: World, context: Context) -> Decision:
        before = served_before(self, world, context) or begun_just_now(self, self.code, world, context)
        if before is not None:
            return Decision(before)
        account, application = caller_of(self, context)
        account.admit_destination(self.phone, self.home_country, Channel.CALL)
        used = use_reference(self, world, self.once_seconds)
        if self.dry_run:
            return Decision(Accepted(self.id))
        seconds = longest_call(application.sentence, self.code.length, self.times, self.rate)
        guard = context.directory.guards.of(account.name, self.application)
        if guard.document.call_seconds:
            seconds = min(seconds, guard.document.call_seconds)
        calls = calls_held_for(application)
        hold = accept_message(self, world, context, account, Channel.CALL, seconds, calls)
        caller, counters = "", tuple[Row, ...]()
        if application.pool or self.pool_required:
            caller, counter = take_hotline(world, context.directory.pools.get(application.pool), self.now)
            counters = (counter,)
        verification = start_verification(self, world, context, Channel.CALL, self.code)
        payload = CallPayload(
            phone=self.phone,
            caller=caller,
            voice=self.voice,
            code=verification.code,
            sentence=application.sentence,
            times=self.times,
            rate=self.rate,
            max_seconds=seconds,
            valid_until=self._valid_until(verification, application),
            purpose=verification.purpose,
            given=verification.fixed,
        )
        message = msgspec.structs.replace(
            message_row(
                self,
                Channel.CALL,
                caller,
                hold=hold,
                verification=verification.id,
                code_expires_at=verification.expires_at,
            ),
            callback_url=self.callback_url,
            category=self.category,
            campaign=self.campaign,
        )
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        job = delivery_job(JobKind.CALL, self.account, self.id, self.now, sealed)
        return Decision(
            Accepted(self.id, verification=verification.id, found=hold.found),
            puts=(*hold.puts, *counters, *used, *verification.puts, *remember(self, context)),
            inserts=(message, job, *hold.inserts, *verification.inserts),
            unsealed=(self.id, payload),
        )

    def _valid_until(self, verification: Verification, application: Application) -> int:
        worth_until = self.now + VALID_MS + longer_worth_ms(application)
        return min(verification.expires_at or worth_until, worth_until)


def caller_of(send: Send, context: Context) -> tuple[AccountView, Application]:
    """Who calls. Raises Refused(APPLICATION_UNKNOWN): the configuration may have changed since the request was
    authenticated.
    """
    account = context.directory.accounts.get(send.account)
    application = account.applications.get(send.application) if account else None
    if account is None or application is None:
        raise Refused(Refusal.APPLICATION_UNKNOWN)
    return account, application.document


def longest_call(sentence: str | None, code_length: int, times: int, rate: float) -> int:
    """Seconds after which the call is ended on the wire, and for which its price is held.

    Generous for the slowest voice: a sentence of 15 letters or a spelled character with its pause a second.
    """
    spoken = len(sentence) / 15 + 2 if sentence is not None else 6
    return min(LONGEST_CALL_SECONDS, math.ceil(times * (spoken + 1.3 * code_length) / rate) + 5)
