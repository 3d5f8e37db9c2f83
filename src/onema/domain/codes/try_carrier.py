"""Send a text of an operator's through exactly one carrier, to see how that works."""

from collections.abc import Iterable

from onema.domain.codes.accept_message import Send, message_row, sender_of
from onema.domain.configuration.documents import Carrier
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.records import Channel, JobKind, Key
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.sms_text import segments


class TryCarrier(Send, frozen=True, kw_only=True, gc=False):
    """Send `text` from `sender` to the phone by `carrier`, as a message of the account that costs nothing, counts for
    no limit and is told to nobody. It is of no use after `valid_until` (Unix ms).

    Result: None. Raises Refused(CONFLICT) for a carrier that may not send, or sends no text of ours.
    """

    carrier: str
    sender: str
    text: str
    valid_until: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ()

    def decide(self, world: World, context: Context) -> Decision:
        sender_of(self, context)
        if carrier_to_try(self.carrier, context).own_codes:
            raise Refused(
                Refusal.CONFLICT, f"The carrier {self.carrier!r} sends codes and words of its own only."
            )
        payload = SmsPayload(self.phone, self.sender, self.text, self.valid_until, via=self.carrier)
        message = message_row(self, Channel.SMS, self.sender, segments=segments(self.text).count)
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        job = delivery_job(JobKind.SMS, self.account, self.id, self.now, sealed)
        return Decision(None, inserts=(message, job), unsealed=(self.id, payload))


def carrier_to_try(name: str, context: Context) -> Carrier:
    """Raises Refused(CONFLICT) for a carrier that may not send."""
    carrier = context.directory.carriers.get(name)
    if carrier is None:
        raise Refused(Refusal.CONFLICT, f"There is no carrier {name!r}.")
    if carrier.state != "active":
        raise Refused(Refusal.CONFLICT, f"The carrier {name!r} is not active.")
    return carrier
