"""Send a text of the sender's own by SMS: a code in it is the sender's, to be checked by it."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import (
    Accepted,
    Send,
    accept_message,
    keys_to_accept,
    message_row,
    sender_of,
)
from onema.domain.codes.brandname_text import refuse_text, usable_brandname
from onema.domain.codes.once import reference_keys, use_reference
from onema.domain.codes.own_text import allowed_own_text, any_text, own_text_keys
from onema.domain.codes.start_verification import require_taker
from onema.domain.codes.text_to_send import text_to_send
from onema.domain.configuration import documents as doc
from onema.domain.configuration.brandname_view import BrandnameView
from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.records import Channel, Event, JobKind, Key
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.times import show_time

TEXT_VALID_MS = 3_600_000
"""How long a text is worth delivering. Whether it holds a code, and how long that lives, only its sender knows."""

LONGEST_AHEAD_DAYS = 30
"""How far ahead a text may be asked for."""

SCHEDULED = "scheduled"
"""The kind of the event that says for when a message was asked."""


class SendText(Send, frozen=True, kw_only=True, gc=False):
    """Send `text`, which fits a template of `brandname`, to the phone, not before `send_at` (Unix ms). Without a
    brandname it comes from the account's fixed number, and may be any text.

    With `once_seconds`, a message with the same `reference` is refused for so long. `folded` says whether Vietnamese
    accents are sent as plain letters; None leaves it to the template. A `dry_run` is decided as far as the text and its
    reference go, and leaves nothing but a count of texts that fit no template. What is told of the message:
    `callback_url`, `together`, `category` and `campaign` are its row's.

    Result: Accepted. Raises Refused.
    """

    brandname: str
    text: str
    send_at: int = 0
    folded: bool | None = None
    once_seconds: int = 0
    dry_run: bool = False
    callback_url: str = ""
    together: int = 0
    category: str = ""
    campaign: str = ""

    def keys(self, context: Context) -> Iterable[Key]:
        account = sender_of(self, context)
        keys = (*keys_to_accept(self, account, context), *own_text_keys(account, self.brandname, self.text))
        return (*keys, *reference_keys(self, self.once_seconds))

    def decide(self, world: World, context: Context) -> Decision:
        account = sender_of(self, context)
        account.admit_destination(self.phone, self.home_country, Channel.SMS)
        brandname: BrandnameView | None = None
        template: doc.Template | None = None
        if self.brandname:
            sender, brandname = self.brandname, usable_brandname(account, self.brandname, self.now)
            allowed = allowed_own_text(self, world, brandname, self.text, self.folded)
            if allowed is None:
                refused = refuse_text(self, world, context, self.brandname, self.text, 0)
                return Decision(refused.result, puts=refused.puts[:1]) if self.dry_run else refused
            text, size, template = allowed.text, allowed.segments, allowed.template
        else:
            sender, (text, size) = fixed_number(account), any_text(self.text, self.folded)
        used = use_reference(self, world, self.once_seconds)
        sent = text_to_send(self, context, account, text, size, brandname, template)
        if self.dry_run:
            return Decision(Accepted(self.id))
        hold = accept_message(self, world, context, account, Channel.SMS, sent.segments)
        require_taker(self, context, Channel.SMS)
        due_at = max(self.send_at, self.now)
        payload = SmsPayload(self.phone, sender, sent.text, due_at + TEXT_VALID_MS, facts=sent.facts)
        message = msgspec.structs.replace(
            message_row(self, Channel.SMS, sender, hold=hold, segments=sent.segments, template=sent.template),
            callback_url=self.callback_url,
            together=self.together,
            category=self.category,
            campaign=self.campaign,
        )
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        puts = (*hold.puts, *used)
        if due_at > self.now:
            job = delivery_job(JobKind.SCHEDULED, self.account, self.id, due_at, sealed)
            event = Event(self.account, self.id, self.id, SCHEDULED, f"for {show_time(due_at)}")
            return Decision(Accepted(self.id, found=hold.found), puts, (message, job, *hold.inserts, event))
        job = delivery_job(JobKind.SMS, self.account, self.id, due_at, sealed)
        return Decision(
            Accepted(self.id, found=hold.found),
            puts,
            (message, job, *hold.inserts),
            unsealed=(self.id, payload),
        )


def fixed_number(account: AccountView) -> str:
    """Raises Refused(FEATURE_OFF)."""
    if not account.document.fixed_number:
        raise Refused(
            Refusal.FEATURE_OFF, "the account has no fixed_number to send texts without a brandname from"
        )
    return account.document.fixed_number
