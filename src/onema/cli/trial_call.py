"""`onema doctor --call`: a real call over a trunk to a phone of our own, which says what it heard."""

import asyncio
import queue
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from onema.administration.carriers_together import all_together
from onema.administration.requests import FoundStory, ReadCarriers, ReadStory, TestCall
from onema.channels.voice_sip.answering.exchange import Exchange
from onema.channels.voice_sip.answering.phone import Recording
from onema.cli.finding import Finding, Level
from onema.cli.output import CliError
from onema.cli.session import Session
from onema.domain.configuration import documents as doc
from onema.domain.records import Call, MessageState
from onema.speech.voices import Voices

DIGITS = 6
LOST_TOO_MUCH = 0.03
"""The share of packets from which on people hear gaps."""
_GRACE_SECONDS = 5.0
"""How long the listening end may take to say what it heard after the call ended."""
_UNDER_WAY = (MessageState.ACCEPTED, MessageState.SENT, MessageState.UNKNOWN)


class TrialCall(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Empty: what the trunk's settings say (`probe_number`, `probe_listen`)."""

    carrier: str
    to: str = ""
    listen: str = ""
    account: str = ""
    voice: str = ""
    seconds: int
    """How long the call may take, from the request to its end."""


def make(session: Session, voices: Voices, call: TrialCall) -> list[Finding]:
    """Place the call, listen, and say what came of it. Raises CliError where it cannot be tried."""
    number, listen = _places(session, call)
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    request = TestCall(
        carrier=call.carrier,
        phone=number,
        code=code,
        seconds=call.seconds,
        voice=call.voice,
        account=call.account,
    )
    if not listen:
        story = _ended(session, request)
        return [
            *_of_the_call(session, call.carrier, story),
            Finding(
                Level.WARN,
                "heard",
                f"{code} was read out, and nobody listened here",
                "Compare it with what the far end heard, or name an address that the number leads to (--listen).",
            ),
        ]
    with _listening(listen, voices) as heard:
        story = _ended(session, request)
        recording = _recording(heard, story)
    return [*_of_the_call(session, call.carrier, story), *_of_what_came(recording, code, listen)]


def _places(session: Session, call: TrialCall) -> tuple[str, str]:
    """Whom to call, and where to listen."""
    carrier = next((one for one in session.of_kind(doc.Carrier) if one.name == call.carrier), None)
    if carrier is None:
        raise CliError(f"There is no carrier {call.carrier!r}.")
    number = call.to or str(carrier.settings.get("probe_number", ""))
    if not number:
        raise CliError(f"Name the number to call (--to), or set probe_number of {call.carrier}.")
    return number, call.listen or str(carrier.settings.get("probe_listen", ""))


@contextmanager
def _listening(address: str, voices: Voices) -> "Iterator[queue.Queue[Recording]]":
    """What phones at this address heard, while calls are asked for in another thread's loop. Raises CliError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise CliError(f"{address!r} is no HOST:PORT.")
    heard: queue.Queue[Recording] = queue.Queue()
    began: queue.Queue[OSError | None] = queue.Queue()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def listen() -> None:
        try:
            async with Exchange(
                host=host.strip("[]"), port=int(port), voices=voices, on_call=heard.put, most=10
            ):
                began.put(None)
                await stopping.wait()
        except OSError as error:
            began.put(error)

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
    thread.start()
    try:
        failure = began.get()
        if failure is not None:
            raise CliError(f"Nobody can listen on {address}: {failure.strerror or failure}.")
        yield heard
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


def _ended(session: Session, request: TestCall) -> FoundStory:
    message = session.answer(request)
    deadline = time.monotonic() + request.seconds
    while True:
        found = session.answer(ReadStory(message=message))
        if found is None:
            raise CliError(f"The message {message} is gone.")
        if found.story.message.state not in _UNDER_WAY or time.monotonic() >= deadline:
            return found
        time.sleep(0.2)


def _recording(heard: "queue.Queue[Recording]", found: FoundStory) -> Recording | None:
    """The last call that came, which may be told a moment after its end."""
    answered = any(call.answered_at for call in found.story.calls)
    recording: Recording | None = None
    try:
        recording = heard.get(timeout=_GRACE_SECONDS if answered else 1.0)
        while True:
            recording = heard.get_nowait()
    except queue.Empty:
        return recording


def _of_the_call(session: Session, carrier: str, found: FoundStory) -> Iterator[Finding]:
    message, call = found.story.message, _last(found)
    why = f" ({message.reason})" if message.reason else ""
    if message.state == MessageState.DELIVERED:
        yield Finding(Level.OK, "call", f"{carrier} placed it, and it was answered")
    elif message.state == MessageState.ACCEPTED:
        (told,) = (one for one in all_together(session.answer(ReadCarriers())) if one["name"] == carrier)
        detail = told["last_error"] or "no server with the role voice runs it"
        yield Finding(
            Level.FAIL, "call", f"{carrier} placed none: {detail}", f"onema carrier status {carrier}"
        )
    else:
        yield Finding(
            Level.FAIL,
            "call",
            f"{message.state}{why}",
            f"onema message show {message.id} tells its story, onema call show {message.id} its signalling.",
        )
    if call is not None:
        status = f", SIP {call.status}" if call.status else ""
        detail = f"rang {call.ring_ms / 1000:.1f} s, talked {call.talk_ms / 1000:.1f} s{status}"
        yield Finding(Level.OK, "times", detail)


def _last(found: FoundStory) -> Call | None:
    return found.story.calls[-1] if found.story.calls else None


def _of_what_came(recording: Recording | None, code: str, listen: str) -> Iterator[Finding]:
    if recording is None:
        hint = "Does the number lead there, through firewalls too?"
        yield Finding(Level.FAIL, "heard", f"no call came to {listen}", hint)
        return
    if recording.code == code:
        assert recording.heard is not None  # noqa: S101  # whose code it is
        detail = f"{code}, as it was sent ({recording.heard.voice}, likeness {recording.heard.likeness:.2f})"
        yield Finding(Level.OK, "heard", detail)
    elif not recording.packets:
        hint = "Audio is lost on the way: look at NAT, firewalls and the trunk's media address."
        yield Finding(Level.FAIL, "heard", f"nothing at all; {code} was sent", hint)
    else:
        told = recording.code or "no code"
        yield Finding(Level.FAIL, "heard", f"{told}; {code} was sent")
    whole = recording.packets + recording.lost
    if whole:
        share = recording.lost / whole
        yield Finding(
            Level.WARN if share > LOST_TOO_MUCH else Level.OK,
            "audio",
            f"{recording.codec}, {recording.lost} of {whole} packets lost ({share:.1%}), "
            f"jitter {recording.jitter_ms:.1f} ms",
        )
