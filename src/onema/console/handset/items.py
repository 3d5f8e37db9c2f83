import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from onema.channels.handset.calls import LiveCall
from onema.channels.handset.scripted_numbers import SCRIPTS
from onema.console.handset.calls import AudioSource
from onema.console.handset.code_in_text import find_code
from onema.console.handset.inbox import Received
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import time_of_id
from onema.domain.records import Channel
from onema.domain.values.phone import Phone


class InboxReader(Protocol):
    """What the page needs of HandsetInbox."""

    async def read(
        self, phone: Phone | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[Received]: ...

    async def phones(self, part: str = "", limit: int = 100) -> Sequence[Received]: ...

    async def find(self, item: int) -> Received | None: ...

    async def something_new(self, seconds: float) -> None: ...


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One SMS or call as `GET /handset/messages` shows it; docs/handset.md describes the members."""

    id: str
    channel: Channel
    to: str
    sender: str = msgspec.field(name="from")
    text: str
    code: str | None
    audio_url: str | None
    received_at: str
    script: str | None


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """A live call as the event stream tells it. Times are lengths: browsers' clocks differ from ours."""

    id: str
    to: str
    caller: str = msgspec.field(name="from")
    state: str
    talked_ms: int
    digits: str
    ending: str
    audio_url: str | None


class Presenter:
    """Turns what arrived into what the page and its JSON show."""

    def __init__(self, audio: AudioSource | None) -> None:
        self._audio = audio

    def item(self, received: Received) -> Item:
        payload = received.payload
        code: str | None
        audio_url: str | None
        if isinstance(payload, CallPayload):
            channel, sender, code = (
                Channel.CALL,
                payload.caller,
                payload.code or _guessed_code(payload.spoken_text),
            )
            text, audio_url = self._words(payload), self.audio_url(received.id)
        else:
            channel, sender, text = Channel.SMS, payload.sender, payload.text
            code, audio_url = _guessed_code(text), None
        script = SCRIPTS.get(payload.phone)
        return Item(
            id=str(received.id),
            channel=channel,
            to=payload.phone,
            sender=sender,
            text=text,
            code=code,
            audio_url=audio_url,
            received_at=_iso(time_of_id(received.id)),
            script=script.value if script else None,
        )

    def ring(self, call: LiveCall, now: int) -> Ring:
        return Ring(
            id=str(call.id),
            to=call.phone,
            caller=call.caller,
            state=call.state.value,
            talked_ms=max(0, now - call.answered_at) if call.answered_at else 0,
            digits=call.digits,
            ending=call.ending,
            audio_url=self.audio_url(call.id),
        )

    def audio_url(self, call: int) -> str | None:
        return f"/handset/audio/{call}.wav" if self._audio else None

    def _words(self, call: CallPayload) -> str:
        sentence = self._audio.sentence(call) if self._audio else call.sentence or ""
        return f"{sentence} {call.code}".strip()


def _guessed_code(text: str) -> str | None:
    found = find_code(text)
    return text[found[0] : found[1]] if found else None


def _iso(unix_ms: int) -> str:
    moment = dt.datetime.fromtimestamp(unix_ms / 1000, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"
