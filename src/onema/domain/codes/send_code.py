"""Send a code by SMS, one that is made here or one that was given."""

from collections.abc import Iterable

from onema.domain.codes.accept_message import (
    Accepted,
    Send,
    accept_message,
    keys_to_accept,
    message_row,
    sender_of,
)
from onema.domain.codes.brandname_text import allowed_text, refuse_text, text_keys, usable_brandname
from onema.domain.codes.request_once import remember, request_keys, served_before
from onema.domain.codes.start_verification import (
    Code,
    GivenCode,
    begun_just_now,
    keys_to_verify,
    start_verification,
)
from onema.domain.codes.text_to_send import text_to_send
from onema.domain.configuration.message_template import place_code
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.records import Channel, JobKind, Key


class SendCode(Send, frozen=True, kw_only=True, gc=False):
    """Send `code` to the phone as `text`, which holds the marker {OTP}, under `brandname`. `category` is the message's.
    Behind what its template allows stands `last_line`, by which a phone fills the code in (values/last_line.py).

    Result: Accepted. Raises Refused.
    """

    code: Code
    brandname: str
    text: str
    category: str = ""
    last_line: str = ""

    @property
    def checkable(self) -> bool:
        return not isinstance(self.code, GivenCode)

    def keys(self, context: Context) -> Iterable[Key]:
        account = sender_of(self, context)
        return (
            *keys_to_accept(self, account, context),
            *keys_to_verify(self, self.code),
            *text_keys(account, self.brandname, self.text, self.code.length),
            *request_keys(self),
        )

    def decide(self, world: World, context: Context) -> Decision:
        before = served_before(self, world, context) or begun_just_now(self, self.code, world, context)
        if before is not None:
            return Decision(before)
        account = sender_of(self, context)
        account.admit_destination(self.phone, self.home_country, Channel.SMS)
        brandname = usable_brandname(account, self.brandname, self.now)
        allowed = allowed_text(self, world, brandname, self.text, self.code.length)
        if allowed is None:
            return refuse_text(self, world, context, self.brandname, self.text, self.code.length)
        sent = text_to_send(
            self,
            context,
            account,
            allowed.text,
            allowed.segments,
            brandname,
            allowed.template,
            self.code.length,
        )
        if self.last_line:
            sent = sent.with_last_line(self.last_line, self.code.length)
        hold = accept_message(self, world, context, account, Channel.SMS, sent.segments)
        verification = start_verification(self, world, context, Channel.SMS, self.code)
        payload = SmsPayload(
            self.phone,
            self.brandname,
            place_code(sent.text, verification.code),
            verification.valid_until,
            verification.purpose,
            sent.facts,
            given=verification.fixed,
        )
        message = message_row(
            self,
            Channel.SMS,
            self.brandname,
            hold=hold,
            segments=sent.segments,
            verification=verification.id,
            code_expires_at=verification.expires_at,
            category=self.category,
            template=sent.template,
        )
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        job = delivery_job(JobKind.SMS, self.account, self.id, self.now, sealed)
        return Decision(
            Accepted(self.id, verification=verification.id, found=hold.found),
            puts=(*hold.puts, *verification.puts, *remember(self, context)),
            inserts=(message, job, *hold.inserts, *verification.inserts),
            unsealed=(self.id, payload),
        )
