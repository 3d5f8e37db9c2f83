"""The pages for operators and customers, over the real core: docs/operations/console.md."""

import re
from collections.abc import Mapping
from typing import ClassVar

import pytest
from msgspec.structs import replace

from onema.administration.answers import Administration
from onema.console.operate.pages.shown import PAGE
from onema.console.operate.sections import SECTIONS
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MessageId
from onema.domain.records import Call, Message
from onema.domain.refusals import Refusal
from onema.domain.values.phone import mask
from onema.domain.values.times import show_time
from onema.engine.refusals import Asking
from onema.http.client.contract import HttpRequest
from onema.protocols.sip.trace import Trace
from onema.speech import Voices
from onema.speech.announcement import Announcements

from ..cli.test_call import BUSY, INVITE
from .desk import Desk
from .office import OURS, THEIRS, Office

SOCKET = ("192.0.2.1", 5060)
PATHS = [section.address for section in SECTIONS]


async def test_an_operator_finds_a_message_and_its_story(office: Office) -> None:
    """By its number in any spelling; the page tells what happened, and which command says the same."""
    message = await office.send("acme", OURS)
    await office.send("acme", THEIRS)
    await office.desk.log_in()
    for spelled in (OURS, "0901888484", "0901 888 484"):
        found = await office.page(f"/console/messages?account=acme&q={spelled.replace('+', '%2B')}")
        assert f'href="/console/messages/{message}"' in found
        assert THEIRS not in found
    story = await office.page(f"/console/messages/{message}")
    assert re.findall("<strong>(.*?)</strong>", story) == ["requested", "accepted", "hold"]
    assert f"<code>onema message show {message}</code>" in story
    assert 'role="alert"' in await office.page("/console/messages?since=twelve")
    assert 'role="alert"' not in found


async def test_an_address_of_no_page_leads_back_to_the_others(office: Office) -> None:
    """It says so with the navigation around it; a stranger is told nothing and goes to the login."""
    stranger = await office.desk.get("/console/no/such")
    assert (stranger.status, stranger.headers["location"]) == (303, "/login")
    await office.desk.log_in()
    answer = await office.desk.get("/console/no/such")
    assert answer.status == 404
    assert "There is no such page." in answer.text
    assert 'href="/console/messages"' in answer.text


async def test_messages_are_shown_page_by_page(office: Office) -> None:
    """Newest first, until there are no older ones; by their state, too."""
    sent = [await office.send("acme", OURS) for _ in range(PAGE + 3)]
    await office.desk.log_in()
    first = await office.page("/console/messages?account=acme")
    assert _messages(first) == sent[:2:-1]
    older = re.findall(r'rel="next" href="([^"]+)"', first)[0].replace("&amp;", "&")
    second = await office.page(older)
    assert _messages(second) == sent[2::-1]
    assert 'rel="next"' not in second
    assert _messages(await office.page("/console/messages?account=acme&state=failed")) == []
    assert len(_messages(await office.page("/console/messages?account=acme&state=accepted"))) == PAGE


async def test_messages_are_found_by_id_reference_and_time(office: Office) -> None:
    """An id leads to the message itself, unless it is another account's."""
    message = await office.send("acme", OURS)
    theirs = await office.send("rival", THEIRS)
    await office.desk.log_in("hoa")
    for spelled in (str(message), f"{message:032X}"):
        answer = await office.desk.get(f"/console/messages?q={spelled}")
        assert (answer.status, answer.headers["location"]) == (303, f"/console/messages/{message}")
    assert _messages(await office.page(f"/console/messages?q={theirs}")) == []
    assert _messages(await office.page("/console/messages?q=order-7")) == []
    moment = show_time(office.core.gateway.now())[:16]
    assert _messages(await office.page(f"/console/messages?since={moment}")) == [message]
    assert _messages(await office.page("/console/messages?since=2126-01-01")) == []
    assert _messages(await office.page(f"/console/messages?until={moment}")) == []


def _messages(page: str) -> list[int]:
    return [int(one) for one in re.findall(r'<td><a href="/console/messages/(\d+)"', page)]


@pytest.mark.parametrize("path", PATHS)
async def test_a_customer_sees_the_own_account_alone(office: Office, path: str) -> None:
    """Whatever the address says; what is no customer's is no page."""
    await office.send("acme", OURS)
    theirs = await office.send("rival", THEIRS)
    office.core.gateway.refusals.note(_asking(office, "rival"), Refusal.RATE_LIMITED.value)
    await office.core.gateway.refusals.save()
    await office.desk.log_in("hoa")
    for query in ("", "?account=rival", "?account=-", f"?q={THEIRS}"):
        answer = await office.desk.get(path + query)
        assert answer.status == (404 if path in ("/console/carriers", "/console/system") else 200)
        for secret in ("rival", "RIVAL", mask(THEIRS), str(theirs), "gw-north", "listen.port"):
            assert secret not in answer.text.replace("?account=rival", "")
    assert (await office.desk.get(f"/console/messages/{theirs}")).status == 404


def _asking(office: Office, account: str) -> Asking:
    asking = Asking("native", "203.0.113.9")
    asking.account, asking.phone = office.core.account(account), THEIRS
    return asking


async def test_a_stranger_sees_nothing(office: Office) -> None:
    """Every page leads to the login."""
    message = await office.send("acme", OURS)
    for path in (*PATHS, f"/console/messages/{message}"):
        answer = await office.desk.get(path)
        assert (answer.status, answer.headers["location"]) == (303, "/login")


async def test_a_viewer_sees_no_whole_number(office: Office) -> None:
    """Neither in lists nor in stories."""
    message = await office.send("acme", OURS)
    await office.desk.log_in("mai")
    for path in ("/console", "/console/messages", f"/console/messages/{message}", "/console/refusals"):
        page = await office.page(path)
        assert OURS not in page
    assert mask(OURS) in await office.page("/console/messages")


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_one_heading_and_says_where_one_is(office: Office, path: str) -> None:
    """And nothing that a strict policy forbids."""
    await office.send("acme", OURS)
    await office.desk.log_in()
    page = await office.page(path)
    assert page.count("<h1") == 1
    assert page.count('aria-current="page"') == 1
    assert not re.search(r"<script(?![^>]* src=)|\bstyle=|\bon[a-z]+=", page)


async def test_the_signalling_of_a_call_is_for_operators_who_see_numbers(office: Office) -> None:
    """As a ladder and as a capture; customers see how the call went."""
    message = await office.send("acme", OURS)
    kept = Trace()
    for octets, is_outgoing in ((INVITE, True), (BUSY, False)):
        kept.add(1.0, octets, is_outgoing=is_outgoing, local=SOCKET, far=SOCKET, transport="UDP")
    number = office.core.account("acme").id
    call = Call(
        number, message, 1, "trunk", "ended", 1_000, ended_at=2_000, ending=Ending.BUSY, trace=kept.encode()
    )
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, [call])
    capture = f"/console/messages/{message}/1.pcap"
    seen = {}
    for name in ("lan", "mai", "hoa"):
        await office.desk.log_in(name)
        page = await office.page(f"/console/messages/{message}")
        assert "busy" in page
        assert f'href="/console/messages/{message}"' in await office.page("/console/calls?account=acme")
        answer = await office.desk.get(capture)
        seen[name] = ("486 Busy Here" in page, answer.status)
        assert (answer.body[:4] == b"\xd4\xc3\xb2\xa1") == (answer.status == 200)
    assert seen == {"lan": (True, 200), "mai": (False, 404), "hoa": (False, 404)}
    await office.desk.log_in("lan")
    for other in (f"/console/messages/{message}/2.pcap", f"/console/messages/{2**70}/1.pcap"):
        assert (await office.desk.get(other)).status == 404


async def test_what_a_call_says_is_heard_without_its_code(office: Office) -> None:
    """With a tone in place of each digit, by whoever may see the message; a text has no prompt."""
    text = await office.send("acme", OURS)
    row = next(
        one
        for one in await office.core.storage.read_messages(office.core.account("acme").id, 2**63 - 1, 9)
        if one.id == text
    )
    call = replace(row, id=MessageId(text + 1), channel="call")
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, [call])
    await office.desk.log_in("hoa")
    assert f'src="/console/messages/{call.id}/prompt.wav"' in await office.page(
        f"/console/messages/{call.id}"
    )
    answer = await office.desk.get(f"/console/messages/{call.id}/prompt.wav")
    assert (answer.status, answer.headers["content-type"], answer.body[:4]) == (200, "audio/wav", b"RIFF")
    assert (await office.desk.get(f"/console/messages/{text}/prompt.wav")).status == 404
    theirs = await office.send("rival", THEIRS)
    assert (await office.desk.get(f"/console/messages/{theirs}/prompt.wav")).status == 404


class Reader(Announcements):
    """Speaks nothing, and says what it would have read out."""

    async def prepare(self, call: CallPayload) -> None:
        assert call.spoken_text

    def wav_in_tones(self, call: CallPayload) -> bytes:
        return f"{call.code}|{call.spoken_text}".encode()


async def test_of_a_text_that_was_read_out_its_own_text_is_heard(office: Office) -> None:
    """And not the sentence about a code of its application: with what is spelled, a tone each, for what nobody keeps.
    Where the text is gone there is nothing to hear.
    """
    await office.core.configure(
        doc.Template(
            account="acme",
            brandname="ACME",
            name="12",
            spoken=True,
            text="Order {P1,20} comes at {P2,5} o'clock",
        )
    )
    sent = await office.send("acme", OURS)
    (row,) = await office.core.storage.read_messages(office.core.account("acme").id, 2**63 - 1, 9)
    call = replace(row, id=MessageId(sent + 1), channel="call", verification=0, template="12")
    gone = replace(call, id=MessageId(sent + 2), template="13")
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, [call, gone])
    desk = Desk(
        inbox=None,
        open_on_loopback=False,
        administrator=Administration(office.core.gateway, office.core.storage),
        speaker=Reader(Voices.load),
    )
    await desk.log_in("hoa")
    page = (await desk.get(f"/console/messages/{call.id}")).text
    assert f'src="/console/messages/{call.id}/prompt.wav"' in page
    assert "As its text 12 is read out now" in page
    heard = await desk.get(f"/console/messages/{call.id}/prompt.wav")
    assert heard.body == b"|Order 0000 comes at 0000 o'clock"
    assert "prompt.wav" not in (await desk.get(f"/console/messages/{gone.id}")).text
    assert (await desk.get(f"/console/messages/{gone.id}/prompt.wav")).status == 404


async def test_a_message_that_ended_shows_what_its_receiver_is_told(office: Office) -> None:
    """As its API writes it, without the receiver's address; nothing of it to whoever may see no whole numbers."""
    desk = Desk(
        inbox=None,
        open_on_loopback=False,
        administrator=Administration(office.core.gateway, office.core.storage),
        renderers={"native": Told()},
    )
    first = await office.send("acme", OURS)
    account = office.core.account("acme").id
    (row,) = await office.core.storage.read_messages(account, 2**63 - 1, 9)
    ended = replace(row, id=MessageId(first + 1), state="delivered", ended_at=office.core.gateway.now())
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, [ended])
    for name, is_shown in (("lan", True), ("mai", False)):
        await desk.log_in(name)
        page = (await desk.get(f"/console/messages/{ended.id}")).text
        assert (f"to={OURS[1:]}&amp;state=delivered" in page) == is_shown
        assert (OURS[4:] in page) == is_shown
        assert "receiver.invalid" not in page
        assert "state=" not in (await desk.get(f"/console/messages/{first}")).text


class Told:
    """An API that tells how a message ended in a line."""

    endings: ClassVar[Mapping[Ending, str]] = {}

    def render(self, message: Message, url: str, call: Call | None = None) -> HttpRequest:
        return HttpRequest("POST", url, (), f"to={message.phone[1:]}&state={message.state}".encode())


async def test_an_unknown_message_is_no_page(office: Office) -> None:
    """Nor is what is no message's number."""
    await office.desk.log_in()
    for path in ("/console/messages/1", f"/console/messages/{2**70}", "/console/messages/x"):
        assert (await office.desk.get(path)).status == 404


async def test_an_operators_question_never_reveals_a_secret(office: Office) -> None:
    """Of documents the console reads what `onema ... list` shows."""
    await office.core.configure(
        doc.Credential(account="acme", dialect="native", key="nk-1", secret="ns-Zq83hfTTop")
    )
    await office.desk.log_in()
    for path in PATHS:
        assert "ns-Zq83hfTTop" not in await office.page(path)
