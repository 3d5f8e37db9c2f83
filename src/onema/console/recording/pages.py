import asyncio
import datetime
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import jinja2
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.console.door.access import Endpoint, refuse_cross_site
from onema.console.recording.studio import Studio
from onema.console.words import words_for
from onema.http.parameters import parse_form
from onema.speech import speak, wav
from onema.speech.making.recording import RecordingError
from onema.speech.making.sitting import Packed, Sitting, SittingError
from onema.speech.making.take import peaks_of
from onema.speech.message import UnspeakableCodeError
from onema.speech.pack import LINE_IDS, PackError, Voice

A = TypeVar("A")

_PEAKS = 72
_OFFSET = re.compile(r"\d{1,8}", re.ASCII)
LICENCES = ("proprietary", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "Apache-2.0")
_CODE_TO_HEAR = "0123456789"


class Door(Protocol):
    """Who may see these pages (`door/access.py`, `recording/door.py`)."""

    def user(self, connection: HTTPConnection) -> str | None: ...
    def page(self, endpoint: Endpoint) -> Endpoint: ...
    def data(self, endpoint: Endpoint) -> Endpoint: ...


class RecordingPages:
    """Recording a voice of one's own: a list of what was begun, the page to read on, and what it asks for.

    A take comes in pieces, each in a request of its own: the server takes no body that is as long as a recording.
    """

    def __init__(
        self, studio: Studio, door: Door, templates: jinja2.Environment, today: Callable[[], datetime.date]
    ) -> None:
        self._studio = studio
        self._door = door
        self._today = today
        self._begin = templates.get_template("record_begin.html")
        self._read = templates.get_template("record.html")
        self._packing = asyncio.Lock()
        """Held while codes are heard, which takes a processor a second or two."""

    async def list(self, request: Request) -> Response:
        """What was begun; where that is one recording and nobody could begin another, its page."""
        return self._list(request)

    async def begin(self, request: Request) -> Response:
        refusal = refuse_cross_site(request)
        if refusal is not None:
            return refusal
        try:
            form = parse_form(await request.body())
        except ValueError:
            return PlainTextResponse("This form cannot be read.", 400)
        like, speaker = form.get("like", ""), form.get("speaker", "")
        try:
            begun = await asyncio.to_thread(self._studio.begin, like, speaker)
        except SittingError:
            error = words_for(request).say("Say whose voice it is, and what it reads.")
            return self._list(request, error, 400)
        return RedirectResponse(f"/record/{begun.voice_id}", 303)

    async def page(self, request: Request) -> Response:
        try:
            sitting = self._sitting(request)
        except SittingError:
            return RedirectResponse("/record", 303)
        page = self._read.render(
            words=words_for(request),
            user=self._door.user(request) or "",
            sitting=sitting,
            state=_state(sitting),
            licences=LICENCES,
            code=_CODE_TO_HEAR,
        )
        return HTMLResponse(page)

    async def state(self, request: Request) -> Response:
        return await self._answer(request, _state)

    async def write(self, request: Request) -> Response:
        """The bytes of a take's WAV file from `from` on."""
        offset = request.query_params.get("from", "")
        if not _OFFSET.fullmatch(offset):
            return JSONResponse({"error": "from is the number of bytes that came before"}, 400)
        data = await request.body()
        line = request.path_params["line"]
        return await self._answer(request, lambda sitting: sitting.write(line, int(offset), data))

    async def judge(self, request: Request) -> Response:
        line, second = request.path_params["line"], _is_second(request)

        def judged(sitting: Sitting) -> dict[str, Any]:
            found = sitting.judge(line, second=second)
            clip = found.take.clip
            return {
                "faults": [fault.value for fault in found.take.faults],
                "sounds_like": found.sounds_like,
                "seconds": round(clip.seconds, 2) if clip else 0,
                "peaks": peaks_of(clip, _PEAKS) if clip else [],
            }

        return await self._answer(request, judged)

    async def keep(self, request: Request) -> Response:
        line, second = request.path_params["line"], _is_second(request)
        return await self._answer(request, lambda sitting: sitting.keep(line, second=second))

    async def wav(self, request: Request) -> Response:
        """A take as a phone would carry it; `?new` is the one that is not kept yet."""
        line = request.path_params["line"]
        is_new = "new" in request.query_params

        def clip(sitting: Sitting) -> bytes:
            return (sitting.new_clip(line) if is_new else sitting.clip(line)).pcmu

        return await self._answer(request, clip, as_wav)

    async def sample(self, request: Request) -> Response:
        """A whole message with this voice."""
        code = request.query_params.get("code", _CODE_TO_HEAR)

        def said(sitting: Sitting) -> bytes:
            return speak(sitting.voice("", ""), code[:16]).pcmu

        return await self._answer(request, said, as_wav)

    async def pack(self, request: Request) -> Response:
        """With `licence`, and `consent=yes` of the speaker, without whom there is no voice."""
        try:
            form = parse_form(await request.body())
        except ValueError:
            return JSONResponse({"error": "this form cannot be read"}, 400)
        licence = form.get("licence", "")
        if licence not in LICENCES or form.get("consent") != "yes":
            return JSONResponse({"error": "a licence and the speaker's consent are needed"}, 400)

        def packed(sitting: Sitting) -> dict[str, Any]:
            consent = f"{sitting.speaker} agreed on {self._today()} that this voice reads codes out in calls"
            return _told(sitting.pack(self._studio.packs, licence, consent))

        async with self._packing:
            return await self._answer(request, packed)

    def _list(self, request: Request, error: str = "", status: int = 200) -> Response:
        page = self._begin.render(
            words=words_for(request),
            user=self._door.user(request) or "",
            sittings=list(self._studio.all()),
            voices=_by_language(self._studio.voices()),
            steps=_STEPS,
            error=error,
        )
        return HTMLResponse(page, status)

    def _sitting(self, request: Request) -> Sitting:
        return self._studio.find(request.path_params["voice"])

    async def _answer(
        self, request: Request, work: Callable[[Sitting], A], shown: Callable[[A], Response] | None = None
    ) -> Response:
        """What `work` gives, computed beside the loop; 409 with the reason where it cannot be."""
        try:
            done = await asyncio.to_thread(lambda: work(self._sitting(request)))
        except (SittingError, RecordingError, PackError, UnspeakableCodeError) as error:
            return JSONResponse({"error": str(error)}, 409)
        if shown is not None:
            return shown(done)
        return Response(status_code=204) if done is None else JSONResponse(done)


_STEPS = 2 * len(LINE_IDS) - 1
"""Readings of a voice: every line, and every character once more."""


def routes_of(pages: RecordingPages, door: Door) -> Sequence[Route]:
    take = "/record/{voice}/takes/{line}"
    post = functools.partial(Route, methods=["POST"])
    return (
        Route("/record", door.page(pages.list), methods=["GET"]),
        post("/record", door.page(pages.begin)),
        Route("/record/{voice}", door.page(pages.page)),
        Route("/record/{voice}/state.json", door.data(pages.state)),
        Route("/record/{voice}/sample.wav", door.data(pages.sample)),
        Route(take + ".wav", door.data(pages.wav)),
        post(take, door.data(pages.write)),
        post(take + "/judge", door.data(pages.judge)),
        post(take + "/keep", door.data(pages.keep)),
        post("/record/{voice}/pack", door.data(pages.pack)),
    )


def as_wav(pcmu: bytes) -> Response:
    return Response(wav.from_pcmu(pcmu), media_type="audio/wav")


def _is_second(request: Request) -> bool:
    return request.query_params.get("reading") == "2"


def _state(sitting: Sitting) -> dict[str, Any]:
    return {
        "voice": sitting.voice_id,
        "lines": [
            {
                "id": line,
                "text": clip.text,
                "first": sitting.has(line),
                "second": sitting.has(line, second=True),
            }
            for line, clip in sitting.like.lines.items()
        ],
        "second_order": list(sitting.second_order),
    }


def _told(packed: Packed) -> dict[str, Any]:
    voice = packed.voice
    return {
        "voice": voice.id,
        "seconds": round(voice.seconds, 1),
        "codes": packed.codes,
        "heard": packed.heard,
        "doubts": list(packed.doubts),
    }


def _by_language(voices: Mapping[str, Voice]) -> dict[str, list[Voice]]:
    found: dict[str, list[Voice]] = {}
    for voice in voices.values():
        if voice.origin.engine != "recording":
            found.setdefault(voice.language, []).append(voice)
    return found
