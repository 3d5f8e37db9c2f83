"""The voices that read codes out, and the numbers that calls come from."""

import asyncio
import contextlib
from typing import Any

import msgspec
from starlette.responses import Response

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import LARGEST_NUMBER
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
        may_change=not visit.viewer.account and visit.may("put_documents"),
        named=[(one.name, one.name) for one in pools],
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


async def add_pool(visit: Visit) -> str:
    pool = visit.form.document(visit.words, doc.HotlinePool, name=visit.form.text("name"))
    await _put_new(visit, pool, "name")
    return _BACK


async def add_hotline(visit: Visit) -> str:
    form = visit.form
    hotline = form.document(
        visit.words,
        doc.Hotline,
        pool=form.text("pool"),
        number=form.text("number"),
        daily_cap=_cap(visit),
    )
    await _put_new(visit, hotline, "number")
    return _BACK


async def set_cap(visit: Visit) -> str:
    return await _change(visit, daily_cap=_cap(visit))


async def switch_on(visit: Visit) -> str:
    return await _change(visit, state="active")


async def switch_off(visit: Visit) -> str:
    return await _change(visit, state="inactive")


async def remove(visit: Visit) -> str:
    """A number; or a pool that has none, and that no application calls from."""
    one, revision = await _meant(visit)
    await visit.put(remove=((one.kind, one.identity),), revision=revision)
    return _BACK


def _cap(visit: Visit) -> int:
    """Calls in 24 hours; 0, and nothing, is no cap. Raises Unfit."""
    return (
        visit.form.number(visit.words, "daily_cap", 0, LARGEST_NUMBER) if visit.form.text("daily_cap") else 0
    )


async def _put_new(visit: Visit, document: doc.HotlinePool | doc.Hotline, field: str) -> None:
    """Raises Unfit where it is there already."""
    found = await visit.ask(ask.ReadDocuments(kind=document.kind, identity=document.identity))
    if found.documents:
        visit.form.errors[field] = visit.words.say("This is there already.")
        raise Unfit
    await visit.put(document, revision=found.revision)


async def _meant(visit: Visit) -> tuple[doc.HotlinePool | doc.Hotline, int]:
    """The number that the form names, or the pool where it names none. Raises NotForThem."""
    pool, number = visit.form.text("pool"), visit.form.text("number")
    if number:
        return await visit.document(doc.Hotline, f"{pool}/{number}")
    return await visit.document(doc.HotlinePool, pool)


async def _change(visit: Visit, **fields: Any) -> str:
    one, revision = await _meant(visit)
    await visit.put(msgspec.structs.replace(one, **fields), revision=revision)
    return _BACK


_BACK = "/console/voice?done=1"
SECTION = Section(
    "voice",
    "Voice",
    {"": voice, "/{voice}.wav": sample},
    actions={
        "": {
            "pool": add_pool,
            "hotline": add_hotline,
            "cap": set_cap,
            "on": switch_on,
            "off": switch_off,
            "remove": remove,
        }
    },
)
