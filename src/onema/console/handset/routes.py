import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable

import jinja2
import msgspec
import phonenumbers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from onema.channels.handset.scripted_numbers import SCRIPTS, Script
from onema.console.door.access import Doorman
from onema.console.handset.calls import AudioSource, CallControl
from onema.console.handset.events import EventStream, EventStreams
from onema.console.handset.items import InboxReader, Presenter
from onema.console.words import words_for
from onema.domain.delivery.payload import CallPayload
from onema.domain.refusals import Refused
from onema.domain.values.phone import Phone, parse_phone
from onema.domain.values.written_form import number_form

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000
_PEAKS = 56
_NATIONAL_COUNTRIES = ("VN", "CN")
_MAX_ID = (1 << 63) - 1
_ID = re.compile(r"\d{1,19}", re.ASCII)
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_DIGITS = frozenset("0123456789*#")

_encoder = msgspec.json.Encoder()


class Hint(msgspec.Struct, frozen=True):
    """Something to try: a title such as the API's name, and lines to paste into a shell."""

    title: str
    command: str
    note: str = ""


DemoHints = tuple[Hint, ...]


class ScriptedNumbers(msgspec.Struct, frozen=True):
    """One row of the table of scripted numbers; numbers as (E.164, national)."""

    script: str
    numbers: tuple[tuple[str, str], ...]


class HandsetPages:
    """The simulated phone: one page, its data, its events, its calls."""

    def __init__(
        self,
        *,
        inbox: InboxReader,
        audio: AudioSource | None,
        calls: CallControl | None,
        demo: DemoHints,
        streams: EventStreams,
        presenter: Presenter,
        doorman: Doorman,
        templates: jinja2.Environment,
        records_voices: bool = False,
    ) -> None:
        """With `records_voices` the page leads to where voices are recorded."""
        self._inbox = inbox
        self._audio = audio
        self._calls = calls
        self._demo = demo
        self._streams = streams
        self._presenter = presenter
        self._doorman = doorman
        self._template = templates.get_template("handset.html")
        self._scripts = scripted_numbers()
        self._records_voices = records_voices

    async def page(self, request: Request) -> Response:
        return HTMLResponse(
            self._template.render(
                words=words_for(request),
                user=self._doorman.user(request) or "",
                demo=self._demo,
                scripts=self._scripts,
                records_voices=self._records_voices,
            )
        )

    async def messages(self, request: Request) -> Response:
        """Newest first, as JSON."""
        try:
            limit = _limit(request.query_params.get("limit"))
            to = request.query_params.get("to")
            phone = None if to is None else spelled_phone(to)
        except (Refused, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        newest = await self._inbox.read(phone, limit=limit)
        return _json([self._presenter.item(received) for received in newest])

    async def phones(self, request: Request) -> Response:
        """The newest message of each phone, newest first, as JSON."""
        try:
            limit = _limit(request.query_params.get("limit"))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        newest = await self._inbox.phones(_part(request.query_params.get("number", "")), limit)
        return _json([self._presenter.item(received) for received in newest])

    async def events(self, request: Request) -> Response:
        last_seen = request.headers.get("last-event-id", "")
        return EventStream(self._streams, _id(last_seen), self._doorman.watch(request))

    async def wav(self, request: Request) -> Response:
        """The whole message; with byte ranges, without which browsers cannot seek."""
        call = await self._spoken(request)
        if call is None or self._audio is None:
            return _not_found()
        with contextlib.suppress(ValueError):
            await self._audio.prepare(call)
        content = await asyncio.to_thread(self._audio.wav, call)
        return _with_range(content, "audio/wav", request.headers.get("range", ""))

    async def peaks(self, request: Request) -> Response:
        call = await self._spoken(request)
        if call is None or self._audio is None:
            return _not_found()
        with contextlib.suppress(ValueError):
            await self._audio.prepare(call)
        peaks = await asyncio.to_thread(self._audio.peaks, call, _PEAKS)
        return _json([round(peak, 3) for peak in peaks])

    async def answer(self, request: Request) -> Response:
        return await self._steer(request, lambda calls, call: calls.answer(call))

    async def decline(self, request: Request) -> Response:
        return await self._steer(request, lambda calls, call: calls.decline(call))

    async def press(self, request: Request) -> Response:
        digit = request.query_params.get("digit", "")
        if digit not in _DIGITS:
            return JSONResponse({"error": "digit is one of 0-9, * and #"}, 400)
        return await self._steer(request, lambda calls, call: calls.press(call, digit))

    async def _steer(self, request: Request, step: Callable[[CallControl, int], Awaitable[bool]]) -> Response:
        call = _id(request.path_params["id"])
        if self._calls is None or not call:
            return _not_found()
        if await step(self._calls, call):
            return Response(status_code=204)
        return JSONResponse({"error": "there is no such call now"}, 409)

    async def _spoken(self, request: Request) -> CallPayload | None:
        number = _id(request.path_params["id"])
        received = await self._inbox.find(number) if number else None
        return received.payload if received and isinstance(received.payload, CallPayload) else None


def _id(text: str) -> int:
    """A message's id, 0 for what can be none: Python refuses to read thousands of digits as a number."""
    number = int(text) if _ID.fullmatch(text) else 0
    return number if number <= _MAX_ID else 0


def spelled_phone(raw: str) -> Phone:
    """A number as a query string has it: E.164, its "+" turned into a space or lost, or a national number.

    Raises Refused(PHONE_INVALID).
    """
    digits = raw.strip()
    international = f"+{digits}" if raw.startswith(" ") else digits
    spellings = [(international, country) for country in _NATIONAL_COUNTRIES]
    # The last way: any country's number whose "+" got lost.
    for spelling, country in [*spellings, (f"+{digits.lstrip('+')}", _NATIONAL_COUNTRIES[0])]:
        try:
            return parse_phone(spelling, country)
        except Refused as error:
            refused = error
    raise refused


def _part(number: str) -> str:
    """What a part of a number, however spelled, has in common with E.164: no leading zeros, digits alone."""
    return "".join(filter(str.isdigit, number_form(number[:100])))[:15].lstrip("0")


def scripted_numbers() -> tuple[ScriptedNumbers, ...]:
    rows = (
        (script, [(number, _national(number)) for number, scripted in SCRIPTS.items() if scripted is script])
        for script in Script
    )
    return tuple(ScriptedNumbers(script.value, tuple(numbers)) for script, numbers in rows)


def _national(number: str) -> str:
    parsed = phonenumbers.parse(number, None)
    spelled = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(filter(str.isdigit, spelled))


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise ValueError(f"limit is a number from 1 to {MAX_LIMIT}")
    return int(text)


def _with_range(content: bytes, media_type: str, asked: str) -> Response:
    headers = {"accept-ranges": "bytes"}
    match = _RANGE.fullmatch(asked)
    if match is None or match.groups() == ("", ""):
        return Response(content, media_type=media_type, headers=headers)
    first, last = match.groups()
    size = len(content)
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Response(content[start:end], 206, headers, media_type)


def _json(value: object) -> Response:
    return Response(_encoder.encode(value), media_type="application/json")


def _not_found() -> Response:
    return JSONResponse({"error": "not found"}, 404)
