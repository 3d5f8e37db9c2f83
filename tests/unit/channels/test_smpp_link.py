"""A link to an SMSC that reads slowly: what it cannot take stays in the queue."""

import asyncio
import time
from typing import Any

from onema.channels.sms_smpp.link import Link
from onema.channels.sms_smpp.outbox import Outbox
from onema.channels.sms_smpp.outcomes import STATUSES
from onema.domain.delivery.outcome import Outcome
from onema.protocols.smpp import commands as c
from onema.protocols.smpp.frames import Frame, FrameReader, pdu
from onema.protocols.smpp.session import Answer
from onema.protocols.smpp.statuses import ESME_RINVDSTADR
from onema.protocols.smpp.tlvs import ADDITIONAL_STATUS_INFO_TEXT, tlv


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))


class Queue:
    """Messages that are submitted whenever there is room."""

    def __init__(self, messages: int) -> None:
        self.left = messages
        self.pumped = 0
        self.link: Link | None = None

    def pump(self) -> None:
        self.pumped += 1
        while self.link is not None and self.left and self.link.room > 0:
            self.left -= 1
            self.link.submit(b"x", None, 0.0)  # type: ignore[arg-type]  # a token like any other

    def answered(self, link: Link, submission: Any, frame: Any) -> None: ...
    def unanswered(self, submissions: Any) -> None: ...
    def remove(self, link: Link) -> None: ...


async def bound(queue: Queue) -> tuple[Link, Transport]:
    link, transport = (
        Link(
            queue,
            lambda frame, answer: None,
            window=1_000,
            answer_seconds=30.0,
            enquire_seconds=0.0,
            per_second=0.0,
            steady=time.monotonic,
        ),
        Transport(),
    )
    link.connection_made(transport)
    binding = asyncio.create_task(link.bind(c.BIND_TRANSCEIVER, b""))
    await asyncio.sleep(0)
    link.data_received(pdu(c.BIND_TRANSCEIVER_RESP, 0, 1, b"smsc\0"))
    await binding
    transport.written.clear()
    queue.link = link
    return link, transport


async def test_a_full_connection_takes_nothing_more_until_it_has_room() -> None:
    """asyncio says when (its buffers are bounded), and what waits is written then."""
    queue = Queue(500)
    link, transport = await bound(queue)
    link.pause_writing()
    queue.pump()
    await asyncio.sleep(0)
    assert (link.room, queue.left, transport.written) == (0, 500, [])
    link.resume_writing()
    await asyncio.sleep(0)
    assert queue.left == 0
    assert len(FrameReader().receive(b"".join(transport.written))) == 500


async def test_what_is_queued_in_one_turn_is_one_write() -> None:
    """A system call for each message would cost more than the message."""
    queue = Queue(100)
    _, transport = await bound(queue)
    queue.pump()
    await asyncio.sleep(0)
    assert len(transport.written) == 1


async def test_answers_to_the_smsc_need_no_room() -> None:
    """A receipt is acknowledged though the connection is full: else both would wait for each other."""
    queue = Queue(0)
    link, transport = await bound(queue)
    link.pause_writing()
    link.data_received(pdu(c.ENQUIRE_LINK, 0, 9))
    link.data_received(pdu(c.QUERY_SM, 0, 10))
    await asyncio.sleep(0)
    found = FrameReader().receive(b"".join(transport.written))
    assert [(one.command, one.sequence) for one in found] == [(c.ENQUIRE_LINK_RESP, 9), (c.QUERY_SM_RESP, 10)]


async def test_a_refusal_quotes_the_smsc_s_own_words() -> None:
    """additional_status_info_text (3.4 §5.3.2.11), behind an id or not; whatever else the body is, it is a refusal."""
    told = tlv(ADDITIONAL_STATUS_INFO_TEXT, b"no such template\0")
    for body, words in ((b"\0" + told, ": no such template"), (b"", ""), (b"\xff" * 9, ""), (told[:3], "")):
        box = Outbox(
            meanings=STATUSES,
            reference_of=bytes.hex,
            queue_seconds=1.0,
            throttle_pause=1.0,
            validity="none",
            steady=lambda: 0.0,
            now=lambda: 0,
        )
        box.open()
        link, transport = await bound(Queue(0))
        box.add(link)
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        box.put(outcome, [(b"", b"")], 0)
        await asyncio.sleep(0)
        (submit,) = FrameReader().receive(b"".join(transport.written))
        answer = Frame(c.SUBMIT_SM_RESP, ESME_RINVDSTADR, submit.sequence, body)
        (token,) = (
            event.token for event in link.session.receive(framed(answer)) if isinstance(event, Answer)
        )
        box.answered(link, token, answer)
        assert outcome.result().detail == f"ESME_RINVDSTADR (0x0000000b): it knows no such number{words}"


def framed(frame: Frame) -> bytes:
    return pdu(frame.command, frame.status, frame.sequence, frame.body)
