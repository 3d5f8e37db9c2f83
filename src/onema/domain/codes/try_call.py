"""Place a call of an operator's through exactly one carrier, to hear how that works."""

from collections.abc import Iterable

from onema.domain.codes.accept_message import Send, message_row, sender_of
from onema.domain.codes.call_with_code import longest_call
from onema.domain.codes.try_carrier import carrier_to_try
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import CallPayload, seal_payload
from onema.domain.records import Channel, JobKind, Key


class TryCall(Send, frozen=True, kw_only=True, gc=False):
    """Call the phone by `carrier` and read `code` out once in `voice`, as a call of the account that costs nothing,
    counts for no limit and is told to nobody. Without `caller` the carrier says what number the phone shows. It is of
    no use after `valid_until` (Unix ms).

    Result: None. Raises Refused(CONFLICT) for a carrier that may not send.
    """

    carrier: str
    caller: str
    voice: str
    code: str
    valid_until: int

    def keys(self, context: Context) -> Iterable[Key]:
        return ()

    def decide(self, world: World, context: Context) -> Decision:
        sender_of(self, context)
        carrier_to_try(self.carrier, context)
        payload = CallPayload(
            phone=self.phone,
            caller=self.caller,
            voice=self.voice,
            code=self.code,
            sentence=None,
            times=1,
            rate=1.0,
            max_seconds=longest_call(None, len(self.code), 1, 1.0),
            valid_until=self.valid_until,
            via=self.carrier,
        )
        message = message_row(self, Channel.CALL, self.caller)
        sealed = seal_payload(payload, self.id, context.keyring, self.nonce)
        job = delivery_job(JobKind.CALL, self.account, self.id, self.now, sealed)
        return Decision(None, inserts=(message, job), unsealed=(self.id, payload))
