"""The voices that read codes out, and the numbers that calls come from."""

import asyncio
import contextlib

from starlette.responses import Response

from onema.administration import customer_requests as theirs
from onema.console.operate.frame import Section, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.delivery.payload import CallPayload
from onema.domain.values.phone import Phone

CODE_TO_HEAR = "482913"
"""Nobody's: what samples read out."""
_TIMES = 2
"""How often a call says it."""


async def voice(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts) if visit.viewer.account else None
    pools = await visit.ask(theirs.ReadHotlines(account=account.name if account else ""))
    voices = visit.speaker.voices.values() if visit.speaker is not None else ()
    return visit.render(
        "voice.html",
        voices=sorted(voices, key=lambda one: (one.language, one.id)),
        code=CODE_TO_HEAR,
        pools=pools,
        command="onema hotline list",
    )


async def sample(visit: Visit) -> Response:
    """What a call with this voice says that brings no sentence of its own."""
    return await spoken(visit, visit.request.path_params["voice"], None)


async def spoken(visit: Visit, voice: str, sentence: str | None) -> Response:
    """A whole call, as a WAV file. Raises NotForThem where there is no such voice."""
    speaker = visit.speaker
    if speaker is None or voice not in speaker.voices:
        raise NotForThem
    call = CallPayload(Phone(""), "", voice, CODE_TO_HEAR, sentence, _TIMES, 1.0, 60, 0)
    with contextlib.suppress(ValueError):
        await speaker.prepare(call)
    content = await asyncio.to_thread(speaker.wav, call)
    return Response(content, media_type="audio/wav")


SECTION = Section("voice", "Voice", {"": voice, "/{voice}.wav": sample})
