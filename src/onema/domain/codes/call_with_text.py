"""Call a phone and read out a text that was registered for it, its places filled in."""

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
from onema.domain.codes.call_with_code import LONGEST_CALL_SECONDS, caller_of
from onema.domain.codes.hotlines import hotline_keys, take_hotline
from onema.domain.codes.once import reference_keys, use_reference
from onema.domain.codes.start_verification import VALID_MS, require_taker
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.template_matching import Templates
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import CallPayload, seal_payload
from onema.domain.delivery.recall import calls_held_for, longer_worth_ms
from onema.domain.records import Channel, JobKind, Key, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.spoken_text import LONGEST_TEXT, MOST_PARTS, parts_of, seconds_to_speak
from onema.domain.values.written_form import text_form


class CallWithText(Send, frozen=True, kw_only=True, gc=False):
    """Call the phone and read `text` out `times` times in `voice` at `rate`. It fits the account's template of the name
    `template`, which may be spoken; whether a code is in it only its sender knows.

    With `once_seconds`, a message with the same `reference` is refused for so long. `callback_url`, `category` and
    `together` are the message's. Result: Accepted. Raises Refused.
    """

    template: str
    text: str
    voice: str
    rate: float = 1.0
    times: int = 1
    once_seconds: int = 0
    callback_url: str = ""
    category: str = ""
    together: int = 0

    def keys(self, context: Context) -> Iterable[Key]:
        account, application = caller_of(self, context)
        return (
            *keys_to_accept(self, account, context),
            *hotline_keys(context.directory.pools.get(application.pool)),
            *reference_keys(self, self.once_seconds),
        )

    def decide(self, world: World, context: Context) -> Decision:
        account, application = caller_of(self, context)
        account.admit_destination(self.phone, self.home_country, Channel.CALL)
        text = spoken_text(account, self.template, self.text)
        used = use_reference(self, world, self.once_seconds)
        seconds = longest_reading(text, self.times, self.rate)
        calls = calls_held_for(application)
        hold = accept_message(self, world, context, account, Channel.CALL, seconds, calls)
        caller, counters = "", tuple[Row, ...]()
        if application.pool:
            caller, counter = take_hotline(world, context.directory.pools.get(application.pool), self.now)
            counters = (counter,)
        require_taker(self, context, Channel.CALL)
        payload = CallPayload(
            phone=self.phone,
            caller=caller,
            voice=self.voice,
            code="",
            sentence=None,
            times=self.times,
            rate=self.rate,
            max_seconds=seconds,
            valid_until=self.now + VALID_MS + longer_worth_ms(application),
            spoken_text=text,
        )
        message = msgspec.structs.replace(
            message_row(self, Channel.CALL, caller, hold=hold, template=self.template),
            callback_url=self.callback_url,
            category=self.category,
            together=self.together,
        )
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        job = delivery_job(JobKind.CALL, self.account, self.id, self.now, sealed)
        return Decision(
            Accepted(self.id, found=hold.found),
            puts=(*hold.puts, *counters, *used),
            inserts=(message, job, *hold.inserts),
            unsealed=(self.id, payload),
        )


def spoken_text(account: AccountView, name: str, text: str) -> str:
    """The text in the one form. Raises Refused(TEMPLATE_MISMATCH | TEXT_NOT_SENDABLE)."""
    template = account.named_templates.get(name)
    if template is None or not template.spoken:
        raise Refused(Refusal.TEMPLATE_MISMATCH, "no template of this name may be spoken")
    spoken = text_form(text)
    if Templates((MessageTemplate.parse(template.text),)).first_that_fits(spoken, 0) is None:
        raise Refused(Refusal.TEMPLATE_MISMATCH, "a value does not fit its place in the template")
    if len(spoken) > LONGEST_TEXT or not 0 < len(parts_of(spoken)) <= MOST_PARTS:
        limits = f"{LONGEST_TEXT} characters or {MOST_PARTS} clauses"
        raise Refused(Refusal.TEXT_NOT_SENDABLE, f"nothing to say, or more than {limits}")
    return spoken


def longest_reading(text: str, times: int, rate: float) -> int:
    """Seconds after which the call is ended on the wire, and for which its price is held."""
    return min(LONGEST_CALL_SECONDS, math.ceil(times * (seconds_to_speak(text) + 2) / rate) + 5)
