"""What is done when nothing is heard of a code that was sent: the same code goes out once more, by another carrier.

A route says after how long, and without what; an account says how often, because it pays for each. A message that is
watched so has a job of the kind `resend`, which keeps what is to be sent, sealed, and is due when the time is over.
"""

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.records import Channel, Job, JobKind, Message

WITHOUT_RECEIPT = "receipt"
WITHOUT_CHECK = "check"


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Send again after so many milliseconds, unless there was a receipt, or a right check of the code."""

    after_ms: int
    without: str


class Watch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a job knows of a message that may be sent, or was sent, more than once; its column `watch` in JSON."""

    without: str
    """What must not have come for it to be sent again."""
    settle_at: int
    """When receipts are no longer waited for."""
    live: int
    """Of how many attempts a carrier may still report that they arrived, besides one in flight."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Watch)


def watch_of(job: Job | None) -> Watch | None:
    return _decoder.decode(job.watch) if job is not None and job.watch else None


def encoded(watch: Watch) -> str:
    return _encoder.encode(watch).decode()


def plan_for(directory: Directory, message: Message, carrier: str, now: int) -> Plan | None:
    """What the message's route to this carrier says, where the account pays for one more and the code lives so long.
    Only codes that are made here are sent twice: of any other text nobody knows whether it is still of use.
    """
    if not directory.resends or not message.verification or message.channel != Channel.SMS:
        return None
    if message.resends >= directory.accounts[message.account].document.resends:
        return None
    document = directory.carriers.get(carrier)
    if document is None or document.own_codes:
        return None
    for route in directory.routes:
        if route.carrier == carrier and route.channel == "sms" and message.phone.startswith(route.prefix):
            after_ms = route.resend_after * 1000
            fits = after_ms and now + after_ms < message.code_expires_at
            return Plan(after_ms, route.resend_without) if fits else None
    return None


def watched(job: Job, due_at: int, watch: Watch) -> Job:
    """The job once its attempt has ended: it keeps what it is to send, and looks again then."""
    return msgspec.structs.replace(
        job, kind=JobKind.RESEND, due_at=due_at, in_flight=False, carrier="", watch=encoded(watch)
    )


def no_more(job: Job, watch: Watch) -> Job:
    """Nothing is sent any more; what may still arrive is waited for."""
    return msgspec.structs.replace(
        job,
        kind=JobKind.SETTLE,
        due_at=watch.settle_at,
        in_flight=False,
        payload=b"",
        carrier="",
        watch=encoded(watch),
    )
