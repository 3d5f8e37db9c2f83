"""How one code goes out more than once: by the next channel of its plan, or again by the same one.

What is needed for that rests in the code's live row: the code and how to send it, sealed and never changed, and beside
it how far the plan is. So a check touches one row as before, and the code is gone with the row's.
"""

import msgspec

from onema.domain.delivery.silence import WITHOUT_RECEIPT
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import Channel, Job, JobKind, LiveVerification
from onema.domain.values.phone import Phone

NEXT_CHANNEL = "next channel"
SENT_AGAIN = "sent again"
"""Kinds of events of a verification. What they say begins with the channel and the new message's id."""
MOST_STEPS = 5
MOST_MESSAGES = 10
"""Of one verification, whoever asks for them."""
PAUSE_MS = 30_000
"""So long after a message of a verification the same channel sends nothing: it may still be on its way."""


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Send by `channel`, `after_ms` after the message before it, unless there was what it goes `without`: a receipt
    that it arrived, or only the right check, which ends every plan.
    """

    channel: Channel
    after_ms: int = 0
    without: str = WITHOUT_RECEIPT


class HowToSend(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that a message with the code is made of, whatever its channel. `code` is empty until it is drawn. The job of
    the id `job` takes the plan on; 0 where there is one channel. `person_ip`, `person_country`, `device`
    and `solved` are Send's.
    """

    steps: tuple[Step, ...]
    dialect: str
    home_country: str
    client_ip: str
    application: str
    reference: str
    category: str
    brandname: str = ""
    text: str = ""
    voice: str = ""
    times: int = 1
    job: int = 0
    code: str = ""
    is_bound: bool = False
    last_line: str = ""
    person_ip: str = ""
    device: str = ""
    person_country: str = ""
    solved: bool = False

    def __repr__(self) -> str:
        """Without the code: it must not get into a log by way of a fault."""
        return "HowToSend(...)"


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far the plan of `verification` is: `step` is the newest that began, the next one begins at `next_at` (Unix
    ms; 0: only when asked). `message` is the newest of `messages`, and was accepted at `sent_at`. `asked` is the MAC of
    the request that began it, where that may be told from another. `solved` is Send's, of the newest message.
    """

    verification: int
    step: int
    next_at: int
    message: int
    messages: int
    sent_at: int
    asked: str = ""
    solved: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(HowToSend)
_progress_encoder = msgspec.json.Encoder()
_progress_decoder = msgspec.json.Decoder(Progress)
_subject_decoder = msgspec.json.Decoder(tuple[str, str])


def seal(how: HowToSend, verification: int, keyring: Keyring, nonce: bytes) -> bytes:
    return keyring.seal(_encoder.encode(how), nonce=nonce, bound_to=f"plan:{verification}")


def opened(sealed: bytes, verification: int, keyring: Keyring) -> HowToSend:
    """Raises Unsealable."""
    return _decoder.decode(keyring.open(sealed, bound_to=f"plan:{verification}"))


def begun(how: HowToSend, verification: int, now: int, asked: str) -> Progress:
    """Its first message is the verification itself."""
    return Progress(verification, 0, next_at(how, 0, now), verification, 1, now, asked)


def next_at(how: HowToSend, step: int, now: int) -> int:
    """When the step after `step` begins by itself, which began now; 0 where there is none."""
    return now + how.steps[step + 1].after_ms if step + 1 < len(how.steps) else 0


def written(progress: Progress) -> str:
    return _progress_encoder.encode(progress).decode()


def progress_of(live: LiveVerification | None) -> Progress | None:
    """None for a code that goes out once. A process of an older release, which knows no plans, leaves the one of the
    code before in the row.
    """
    if live is None or not live.plan or not live.progress:
        return None
    progress = _progress_decoder.decode(live.progress)
    return progress if progress.verification == live.verification else None


def plan_job(
    how: HowToSend, account: AccountId, progress: Progress, phone: Phone, purpose: str
) -> tuple[Job, ...]:
    """The job that begins the next step; none where nothing follows. It says whose code it is, and holds no code."""
    if not progress.next_at:
        return ()
    return (
        Job(
            id=how.job,
            kind=JobKind.NEXT_CHANNEL,
            account=account,
            message=MessageId(progress.verification),
            due_at=progress.next_at,
            lease=0,
            attempt=0,
            in_flight=False,
            payload=msgspec.json.encode((phone, purpose)),
        ),
    )


def subject_of(job: Job) -> tuple[Phone, str]:
    """The phone and the purpose of the code whose plan the job takes on."""
    phone, purpose = _subject_decoder.decode(job.payload)
    return Phone(phone), purpose
