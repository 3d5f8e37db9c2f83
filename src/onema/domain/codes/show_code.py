"""Make a code and show it on the simulated phone alone: for whoever tries an integration out."""

from collections.abc import Iterable

from onema.domain.codes import limits
from onema.domain.codes.accept_message import Accepted, Send, sender_of
from onema.domain.codes.brandname_text import allowed_text, text_keys, usable_brandname
from onema.domain.codes.start_verification import NewCode, keys_to_verify, start_verification
from onema.domain.configuration.message_template import place_code
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.records import Channel, InboxItem, Key
from onema.domain.refusals import Refusal, Refused


class ShowCode(Send, frozen=True, kw_only=True, gc=False):
    """Make `code`, to be checked as one that was sent, and show `text` with it in the handset's inbox. Windows count
    it; there is no message, so nothing is sent and nothing costs.

    Result: Accepted. Raises Refused.
    """

    code: NewCode
    brandname: str
    text: str

    def keys(self, context: Context) -> Iterable[Key]:
        account = sender_of(self, context)
        return (
            *limits.window_keys(account, self.phone, self.client_ip),
            *keys_to_verify(self, self.code),
            *text_keys(account, self.brandname, self.text, self.code.length),
        )

    def decide(self, world: World, context: Context) -> Decision:
        account = sender_of(self, context)
        account.admit_destination(self.phone, self.home_country, Channel.SMS)
        brandname = usable_brandname(account, self.brandname, self.now)
        allowed = allowed_text(self, world, brandname, self.text, self.code.length)
        if allowed is None:
            raise Refused(Refusal.TEMPLATE_MISMATCH)
        windows = limits.count_send(world, account, self.phone, self.client_ip, self.now)
        verification = start_verification(self, world, context, Channel.SMS, self.code)
        payload = SmsPayload(
            self.phone,
            self.brandname,
            place_code(allowed.text, verification.code),
            verification.valid_until,
            verification.purpose,
        )
        content = seal_payload(payload, self.id, context.keyring, self.nonce)
        shown = InboxItem(self.id, self.phone, Channel.SMS, self.brandname, content)
        return Decision(
            Accepted(self.id),
            puts=(*windows, *verification.puts),
            inserts=(shown, *verification.inserts),
        )
