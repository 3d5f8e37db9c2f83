"""The messages of an account, and the story of each."""

import asyncio
import datetime
import re
import shlex
from urllib.parse import urlencode

import msgspec
from starlette.responses import RedirectResponse, Response

from onema.administration import requests as ask
from onema.administration.spelled_phones import spelled_phones
from onema.administration.story import moments, verification_state
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE, shown_call, shown_message
from onema.console.operate.viewer import NotForThem
from onema.delivery.callback_contract import NotTold
from onema.domain.configuration import documents as doc
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import LARGEST_ID, MessageId, first_id_at, time_of_id
from onema.domain.records import Channel, Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.phone import Phone
from onema.domain.values.times import show_time
from onema.domain.values.written_form import text_form
from onema.protocols.sip.pcap import pcap
from onema.protocols.sip.trace import read_trace
from onema.storage.contract import FoundMessages, Story

_ID = re.compile(r"[0-9]{16,19}|[0-9a-fA-F]{32}")
"""A message's id, in decimal or as one API spells it."""
_HEX_DIGITS = 32
_VOICE = "vi-north"
"""Who speaks where an application names nobody."""
_TIMES = 2
_VALUE = "0000"
"""Stands where a text had a value: it is spelled, and so heard as tones."""
_RECEIVER = "https://receiver.invalid"
"""Stands for an address that may hold secrets."""


async def messages(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    asked, state, since, until = (visit.told(name) for name in ("q", "state", "since", "until"))
    if (named := _message(asked)) and await visit.ask(ask.ReadStory(message=MessageId(named))) is not None:
        return RedirectResponse(f"/console/messages/{named}", 303)
    found, unreadable = FoundMessages((), 0), ""
    name = account.name if account else ""
    try:
        first, end = _moment(since), _moment(until)
    except ValueError:
        first, end, unreadable = 0, 0, visit.words.say("Write a time as 2026-12-31 or 2026-12-31T23:59.")
    if account is not None and not unreadable:
        found = await visit.ask(
            ask.SearchMessages(
                account=name,
                phones=tuple(sorted(spelled_phones(asked, (account,)))) if asked else (),
                reference=asked,
                state=state,
                since=first_id_at(first) if first else 0,
                before=visit.told_id("before") or (first_id_at(end) if end else 0),
                limit=PAGE + 1,
            )
        )
    shown = found.messages[:PAGE]
    older = shown[-1].id if len(found.messages) > PAGE else found.before
    query = {"account": name, "q": asked, "state": state, "since": since, "until": until}
    return visit.render(
        "messages.html",
        accounts=accounts,
        account=account,
        asked=asked,
        unreadable=unreadable,
        state=state,
        states=[str(one) for one in MessageState],
        since=since,
        until=until,
        messages=[shown_message(visit, name, one) for one in shown],
        older=urlencode({**query, "before": older}) if older else "",
        reached=show_time(time_of_id(older)) if older and len(shown) < PAGE else "",
        command=_command(name, asked, state, since),
    )


def _message(text: str) -> int:
    """The message that this is the id of, 0 where it is none's."""
    if not _ID.fullmatch(text):
        return 0
    number = int(text, 16) if len(text) == _HEX_DIGITS else int(text)
    return number if 0 < number <= LARGEST_ID else 0


def _moment(text: str) -> int:
    """Unix milliseconds of a time in UTC; 0 for none. Raises ValueError."""
    if not text:
        return 0
    moment = datetime.datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp() * 1000)


def _command(account: str, asked: str, state: str, since: str) -> str:
    told = ["onema message list", account]
    if asked:
        told += ["--phone" if spelled_phones(asked, ()) else "--reference", shlex.quote(asked)]
    if state:
        told += ["--state", shlex.quote(state)]
    if since:
        told += ["--since", shlex.quote(since)]
    return " ".join(filter(None, told))


async def message(visit: Visit) -> Response:
    identifier = visit.request.path_params["id"]
    if not 0 < identifier <= LARGEST_ID:
        raise NotForThem
    found = await visit.ask(ask.ReadStory(message=MessageId(identifier)))
    if found is None:
        raise NotForThem
    story, message = found.story, found.story.message
    state = verification_state(story, found.now)
    hidden = message.phone if not visit.viewer.sees_numbers else ""
    lines = [
        {
            "at": show_time(one.at),
            "event": one.title.said(visit.words.say),
            "detail": told.replace(hidden, visit.phone(hidden)) if hidden else told,
        }
        for one in moments(story)
        for told in (one.details(visit.words.say),)
    ]
    return visit.render(
        "message.html",
        message=shown_message(visit, found.account, message),
        text_read=message.template if _reads_text(message) else "",
        found=found,
        verification=str(state) if state else "",
        expires_at=show_time(message.code_expires_at),
        charged=format_amount(message.charged),
        held=format_amount(message.held),
        has_prompt=visit.speaker is not None and await _is_heard(visit, found),
        told=_told(visit, story),
        calls=[shown_call(visit, one) for one in story.calls],
        lines=lines,
        command=f"onema message show {identifier}",
    )


def _told(visit: Visit, story: Story) -> str:
    """What its receiver is told of its end, as it would be written now; empty where nobody is told, and for whoever
    sees no whole numbers: each API spells them its own way.
    """
    message = story.message
    renderer = visit.renderers.get(message.dialect)
    is_told = message.ended_at and message.state != MessageState.REFUSED
    if renderer is None or not is_told or not visit.viewer.sees_numbers:
        return ""
    request = renderer.render(message, _RECEIVER, story.calls[-1] if story.calls else None)
    if isinstance(request, NotTold):
        return ""
    line = f"{request.method} {request.url.removeprefix(_RECEIVER)}".strip()
    return f"{line}\n\n{request.body.decode(errors='replace')}".strip()


async def capture(visit: Visit) -> Response:
    """The signalling of a call as a capture file, for Wireshark."""
    parameters = visit.request.path_params
    found = await visit.ask(ask.ReadStory(message=MessageId(min(parameters["id"], LARGEST_ID))))
    calls = found.story.calls if found is not None and visit.viewer.sees_signalling else ()
    trace = next((one.trace for one in calls if one.attempt == parameters["attempt"]), b"")
    if not trace:
        raise NotForThem
    name = f"onema-{parameters['id']}-{parameters['attempt']}.pcap"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(pcap(read_trace(trace)), media_type="application/vnd.tcpdump.pcap", headers=headers)


async def _is_heard(visit: Visit, found: ask.FoundStory) -> bool:
    """Whether it is a call of which anybody still knows what it said: its code's sentence, or its registered text."""
    message = found.story.message
    if message.channel != Channel.CALL:
        return False
    return not _reads_text(message) or await _text_of(visit, found) is not None


def _reads_text(message: Message) -> bool:
    """Whether the call read out a registered text, and no code of ours."""
    return bool(message.template) and not message.verification


async def _text_of(visit: Visit, found: ask.FoundStory) -> str | None:
    """The text that a call read out, with digits in the places of its values, which nobody keeps; None where its
    template is gone.
    """
    name = found.story.message.template
    read = await visit.ask(ask.ReadDocuments(kind="template", account=found.account))
    texts = [one.text for one in read.documents if isinstance(one, doc.Template) and one.name == name]
    pieces = MessageTemplate.parse(texts[0]).pieces if texts else ()
    spoken = [one if isinstance(one, str) else f" {_VALUE} " for one in pieces]
    return text_form("".join(spoken)) if texts else None


async def prompt(visit: Visit) -> Response:
    """What the call said: its application's sentence or its own text, with a tone in place of each digit of a code, and
    of what stood in the text's places.
    """
    found = await visit.ask(
        ask.ReadStory(message=MessageId(min(visit.request.path_params["id"], LARGEST_ID)))
    )
    speaker = visit.speaker
    if found is None or speaker is None or found.story.message.channel != Channel.CALL:
        raise NotForThem
    named = doc.Application(account=found.account, name=found.story.message.application)
    try:
        application, _ = await visit.document(doc.Application, named.identity)
    except NotForThem:
        application = named
    voice = application.voice if application.voice in speaker.voices else _VOICE
    digits = "0" * application.code_length
    call = CallPayload(Phone(""), "", voice, digits, application.sentence, _TIMES, 1.0, 60, 0)
    if _reads_text(found.story.message):
        text = await _text_of(visit, found)
        if text is None:
            raise NotForThem
        call = msgspec.structs.replace(call, code="", sentence=None, spoken_text=text, times=1)
    try:
        await speaker.prepare(call)
        content = await asyncio.to_thread(speaker.wav_in_tones, call)
    except ValueError as error:
        raise NotForThem from error
    return Response(content, media_type="audio/wav")


SECTION = Section(
    "messages",
    "Messages",
    {
        "": messages,
        "/{id:int}": message,
        "/{id:int}/prompt.wav": prompt,
        "/{id:int}/{attempt:int}.pcap": capture,
    },
)
