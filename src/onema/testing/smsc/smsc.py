"""A simulated SMSC, for tests of whatever sends over SMPP: onema's own, and its users'."""

import asyncio
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Self

import msgspec

from onema.protocols.smpp import statuses
from onema.protocols.smpp.addresses import TON_INTERNATIONAL
from onema.protocols.smpp.parts import IncomingPart, Joiner, incoming_part
from onema.protocols.smpp.pdus import Bind, DataSm, ShortMessage
from onema.protocols.smpp.texts import alphabet_of, read_text
from onema.protocols.smpp.times import seconds_left
from onema.testing.smsc.link import Link
from onema.testing.smsc.receipts import Receipt, delivers, incoming, receipt
from onema.testing.smsc.script import ACCEPT, Reaction, Rules, Script
from onema.testing.smsc.scripted_numbers import scripted_rules

MOST_MESSAGES = 10_000
"""That it remembers; the oldest are forgotten first."""
MOST_RECEIPTS = 100_000
"""That wait for their time, for a bind or for a second try; more are lost, and counted."""
_EXPIRED = "EXPIRED"
_WANTS_RECEIPT = 0x03
"""The bits of registered_delivery that ask for one (3.4 §5.2.17)."""


_DEFAULT = Script()


class Sms(msgspec.Struct, frozen=True, gc=False):
    """A message as the phone shows it: all parts joined. `phone` is E.164 with its `+` where the ESME said ton 1."""

    system_id: str
    sender: str
    phone: str
    text: str

    def __repr__(self) -> str:
        """Without number and text."""
        return f"<Sms of {len(self.text)} characters>"


class Counts(msgspec.Struct):
    """What has happened since the start."""

    binds: int = 0
    refused_binds: int = 0
    submits: int = 0
    """submit_sm and data_sm, whatever became of them."""
    refused: int = 0
    receipts: int = 0
    """That were written, tries again included."""
    acknowledged: int = 0
    receipts_lost: int = 0
    """By the script, by their number, or after their last try."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What becomes of one submit. `status` is what it is refused with."""

    reaction: Reaction
    submit: ShortMessage | DataSm
    part: IncomingPart
    text: str
    system_id: str
    status: int = statuses.ESME_ROK
    message_id: str = ""
    receipt_id: str = ""


class Smsc:
    """Listens, binds, accepts and reports as its script says; `async with Smsc(script) as smsc:` has it on a free port.

    `script` may be replaced at any time: it holds for what comes then. `on_message` hears of every message that reaches
    its phone. `now` is Unix time for dates and ids, `chance` what happens by chance; both may be given for tests.
    """

    def __init__(
        self,
        script: Script = _DEFAULT,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        on_message: Callable[[Sms], None] = lambda sms: None,
        now: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._host = host
        self.port = port
        """The port that it listens on; the wanted one before the start, 0 for any."""
        self._tls = tls
        self._on_message = on_message
        self._now = now
        self._chance = chance or random.Random()  # noqa: S311  # nothing secret comes of it
        self._number = int(now()) << 20
        """Of the last message. A simulator that is started again gives no name twice."""
        self._joiner = Joiner()
        self._server: asyncio.Server | None = None
        """None while it does not listen."""
        self._links: list[Link] = []
        self._waiting: dict[str, deque[Receipt]] = {}
        """By system_id, the receipts for which no bind is there."""
        self._timers: set[asyncio.TimerHandle] = set()
        """Of receipts whose time has not come."""
        self._turn = 0
        """Which bind got the last receipt."""
        self._bucket = (0.0, 0.0)
        """How many messages `per_second` lets pass now, and since when that is so."""
        self._changed: asyncio.Event | None = None
        """Set and taken away whenever something happened, so that each waiter of `until` looks again."""
        self.silent = False
        """Whether it reads nothing more, as behind a link that swallows everything."""
        self.messages: deque[Sms] = deque(maxlen=MOST_MESSAGES)
        """What phones received, oldest first."""
        self.submits: deque[ShortMessage | DataSm] = deque(maxlen=MOST_MESSAGES)
        """What came, accepted or not, oldest first."""
        self.acknowledged: deque[str] = deque(maxlen=MOST_MESSAGES)
        """The ids of receipts that were acknowledged with ESME_ROK."""
        self.bind_requests: deque[Bind] = deque(maxlen=100)
        self.counts = Counts()
        self.script = script

    @property
    def script(self) -> Script:
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        self._script = script
        self._rules = Rules(script, self._chance, scripted_rules(script))
        self._binds_answered = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after `stop` on the same port. Raises OSError."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Break all links and listen no more. Receipts that wait are kept for the next start. Safe twice."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self.cut()
        await self.until(lambda: not self._links)
        await server.wait_closed()

    def forget_receipts(self) -> None:
        """All that wait: an SMSC that lost them, or a test that ends."""
        for timer in self._timers:
            timer.cancel()
        self.counts.receipts_lost += len(self._timers) + sum(map(len, self._waiting.values()))
        self._timers.clear()
        self._waiting.clear()

    def cut(self) -> None:
        """Break all links, as if cables were pulled; new ones are taken."""
        for link in tuple(self._links):
            link.cut()

    @property
    def binds(self) -> int:
        """How many are there now."""
        return sum(bool(link.system_id) for link in self._links)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition is true; it is asked whenever something happened."""
        while not condition():
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()

    def send_text(
        self, sender: str, to: str, octets: bytes, data_coding: int = 0, system_id: str = ""
    ) -> None:
        """A phone's own text to the ESME, by any of its binds."""
        self._report(
            system_id or next(link.system_id for link in self._links),
            incoming(sender, to, octets, data_coding),
        )

    # What links tell.

    def connected(self, link: Link) -> None:
        self._links.append(link)
        self._news()

    def disconnected(self, link: Link) -> None:
        self._links.remove(link)
        for waiting in link.outbox:
            self._report(link.system_id, waiting)
        self._news()

    def on_bind(self, bind: Bind) -> Reaction:
        """How it is answered."""
        self.bind_requests.append(bind)
        script = self._script
        answer = ACCEPT
        if not script.bind_times or self._binds_answered < script.bind_times:
            answer = script.bind_answer
        self._binds_answered += 1
        if script.system_id and bind.system_id != script.system_id.encode():
            answer = "ESME_RINVSYSID"
        elif script.password and bind.password != script.password.encode():
            answer = "ESME_RINVPASWD"
        elif script.most_binds and self.binds >= script.most_binds:
            answer = "ESME_RBINDFAIL"
        if answer != ACCEPT:
            self.counts.refused_binds += 1
        self._news()
        return msgspec.structs.replace(script, answer=answer)

    def bound(self, link: Link) -> None:
        self.counts.binds += 1
        if link.receives:
            for waiting in self._waiting.pop(link.system_id, ()):
                link.report(waiting)
        self._news()

    def on_submit(self, system_id: str, submit: ShortMessage | DataSm) -> Verdict:
        """What becomes of it."""
        self.counts.submits += 1
        self.submits.append(submit)
        part = incoming_part(submit)
        text = read_text(part.octets, alphabet_of(submit.data_coding))
        reaction = self._rules.reaction(_text(submit.source.digits), _text(submit.destination.digits), text)
        status = reaction.status or self._throttled()
        if status:
            self.counts.refused += 1
        self._news()
        message_id, receipt_id = self._name(reaction.ids)
        return Verdict(reaction, submit, part, text, system_id, status, message_id, receipt_id)

    def follow(self, verdict: Verdict) -> None:
        """What comes after the answer of one that is accepted: the phone, and the receipts."""
        reaction, submit = verdict.reaction, verdict.submit
        submitted_at = self._now()
        word, seconds = (
            reaction.receipt,
            reaction.receipt_seconds + self._chance.random() * reaction.receipt_spread,
        )
        left = _life_of(submit, submitted_at)
        if left < seconds and delivers(word):
            # The phone comes back when the text is not worth anything any more (3.4 §5.2.16).
            word, seconds = word and _EXPIRED, max(left, 0.0)
        elif delivers(word):
            self._later(seconds, lambda: self._arrive(verdict))
        if not (
            submit.registered_delivery & _WANTS_RECEIPT
            and word
            and _of_these(verdict.part, reaction.receipt_parts)
        ):
            return
        for told in reaction.receipt_on_the_way:
            self._later(0.0, partial(self._send_receipt, verdict, told, submitted_at))
        for _ in range(reaction.receipt_copies):
            if self._chance.random() < reaction.receipt_lost:
                self.counts.receipts_lost += 1
            else:
                self._later(seconds, partial(self._send_receipt, verdict, word, submitted_at))

    def reported(self, receipt: Receipt) -> None:
        """It was written."""
        self.counts.receipts += 1

    def on_receipt_answer(self, receipt: Receipt, status: int | None, system_id: str) -> None:
        """What the ESME said of it; None: nothing, or the link is gone."""
        if status == statuses.ESME_ROK:
            self.counts.acknowledged += 1
            self.acknowledged.append(receipt.message_id)
        elif receipt.tries + 1 >= self._script.receipt_tries:
            self.counts.receipts_lost += 1
        else:
            again = msgspec.structs.replace(receipt, tries=receipt.tries + 1)
            pause = self._script.receipt_pause if status is not None else 0.0
            self._later(pause, partial(self._report, system_id, again))
        self._news()

    # What it does of itself.

    def _throttled(self) -> int:
        """ESME_RTHROTTLED when there were enough in this second."""
        rate = self._script.per_second
        if not rate:
            return statuses.ESME_ROK
        now = asyncio.get_running_loop().time()
        room, since = self._bucket
        room = min(max(rate, 1.0), room + (now - since) * rate)
        enough = room < 1.0
        self._bucket = (room if enough else room - 1.0, now)
        return statuses.ESME_RTHROTTLED if enough else statuses.ESME_ROK

    def _name(self, form: str) -> tuple[str, str]:
        """The next message's id, as the answer has it and as the receipt does."""
        self._number += 1
        number = self._number
        match form:
            case "hex":
                return f"{number:x}", f"{number:x}"
            case "hex_then_decimal":
                return f"{number:X}", str(number)
            case "text":
                return f"sim_{number:x}/a.b:c@1-2", f"sim_{number:x}/a.b:c@1-2"
            case "empty":
                return "", ""
            case _:
                return str(number), str(number)

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        if seconds <= 0:
            work()
            return
        if len(self._timers) >= MOST_RECEIPTS:
            self.counts.receipts_lost += 1
            return

        def then() -> None:
            self._timers.discard(timer)
            work()

        timer = asyncio.get_running_loop().call_later(seconds, then)
        self._timers.add(timer)

    def _arrive(self, verdict: Verdict) -> None:
        """A part has come to its phone, which shows what is whole."""
        submit = verdict.submit
        whose = (verdict.system_id, submit.source, submit.destination)
        whole = self._joiner.add(whose, verdict.part, asyncio.get_running_loop().time())
        if whole is None:
            return
        sign = "+" if submit.destination.ton == TON_INTERNATIONAL else ""
        sms = Sms(
            verdict.system_id,
            _text(submit.source.digits),
            sign + _text(submit.destination.digits),
            read_text(whole, alphabet_of(submit.data_coding)),
        )
        self.messages.append(sms)
        self._on_message(sms)
        self._news()

    def _send_receipt(self, verdict: Verdict, word: str, submitted_at: float) -> None:
        made = receipt(
            verdict.reaction,
            word,
            verdict.receipt_id,
            verdict.submit,
            verdict.text,
            submitted_at,
            self._now(),
        )
        self._report(verdict.system_id, made)

    def _report(self, system_id: str, receipt: Receipt) -> None:
        """By the next of the binds that receive, as SMSCs spread them; or when there is one."""
        receivers = [link for link in self._links if link.receives and link.system_id == system_id]
        if receivers:
            self._turn += 1
            receivers[self._turn % len(receivers)].report(receipt)
            return
        waiting = self._waiting.setdefault(system_id, deque())
        waiting.append(receipt)
        if sum(map(len, self._waiting.values())) > MOST_RECEIPTS:
            next(iter(self._waiting.values())).popleft()
            self.counts.receipts_lost += 1

    def _news(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


def _of_these(part: IncomingPart, which: str) -> bool:
    """Whether a part is one of those that get a receipt."""
    return which == "all" or part.number == (1 if which == "first" else part.total)


def _life_of(submit: ShortMessage | DataSm, now: float) -> float:
    """How many seconds its validity_period leaves it."""
    if isinstance(submit, DataSm) or not submit.validity_period:
        return float("inf")
    left = seconds_left(submit.validity_period, datetime.fromtimestamp(now, UTC))
    return float("inf") if left is None else left
