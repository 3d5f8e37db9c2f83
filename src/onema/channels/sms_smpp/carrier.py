"""A carrier that is binds to one or more SMSCs."""

import asyncio
import contextlib
import functools
import random
from collections.abc import Callable

from onema.channels.contract import Figures, Outgoing, ReceiptSink, Share
from onema.channels.sms_smpp.bind import Bind
from onema.channels.sms_smpp.configuration import Settings, where
from onema.channels.sms_smpp.dlt_errors import dlt_ending, dlt_words
from onema.channels.sms_smpp.link import Link
from onema.channels.sms_smpp.message_ids import MessageIds
from onema.channels.sms_smpp.outbox import Outbox
from onema.channels.sms_smpp.outcomes import meanings
from onema.channels.sms_smpp.reports import Reports
from onema.channels.sms_smpp.tlv_rules import TlvFault, make_tlvs, rules_of
from onema.channels.tls import context_of
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import Payload, SmsPayload
from onema.domain.values.sms_sender import sender_problem
from onema.protocols.smpp import commands as c
from onema.protocols.smpp.addresses import source
from onema.protocols.smpp.parts import Concatenation, DoesNotFit, OutgoingPart, outgoing_parts
from onema.protocols.smpp.pdus import UDHI, Address, c_octets
from onema.protocols.smpp.pdus import Bind as BindBody
from onema.protocols.smpp.texts import Alphabet
from onema.protocols.smpp.tlvs import tlvs as tlv_octets

DRAIN_SECONDS = 2.0
"""How long a carrier that stops waits for answers; with the unbind it is less than capacity.STOP_SECONDS."""
TICK_SECONDS = 0.2
_SENDERS = 1_000
"""Whose addresses are remembered as they are written."""

_VERSIONS = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}
_STOPPED = ended(Ending.CARRIER_DOWN, detail="it was stopped")


class SmppCarrier:
    """See channels/contract.py. Its capacity is binds over all processes; without one each process has `binds`.

    `steady` is seconds that only pass, `now` Unix milliseconds, `chance` a number from 0 to 1 that spreads binds.
    """

    idempotent = False

    def __init__(
        self,
        name: str,
        settings: Settings,
        receipts: ReceiptSink,
        *,
        now: Callable[[], int],
        steady: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._steady = steady
        self._chance = chance
        self._ids = MessageIds(settings.id_base)
        in_india = "india-dlt" in settings.tlv_presets
        self._reports = Reports(
            name,
            receipts,
            self._ids.of_receipt,
            plain_receipts=settings.plain_receipts,
            errors=settings.receipt_errors,
            words_of=dlt_words if in_india else lambda err: "",
            ending_of=dlt_ending if in_india else lambda err: None,
            named_tlvs=settings.receipt_tlvs,
            steady=steady,
        )
        self._outbox = Outbox(
            meanings=meanings(settings.statuses),
            reference_of=self._ids.of_answer,
            queue_seconds=settings.queue_seconds,
            throttle_pause=settings.throttle_pause,
            validity=settings.validity,
            steady=steady,
            now=now,
        )
        self._rules = rules_of(settings)
        self._alphabet = Alphabet(settings.default_alphabet)
        self._concatenation = Concatenation(settings.concatenation)
        self._head = functools.lru_cache(maxsize=_SENDERS)(self._head_of)
        """The beginning of a body, by sender."""
        self._flags = {
            of_part: bytes((settings.esm_class | of_part, settings.protocol_id, settings.priority, 0))
            for of_part in (0, UDHI)
        }
        """esm_class to schedule_delivery_time, by what the part adds to the first."""
        self._tail = bytes((settings.registered_delivery, 0))
        self._share: Share | None = None
        """What may be used of the carrier's total; None where it has none."""
        self._binds: list[Bind] = []
        """Those that are wanted."""
        self._ending: dict[Bind, asyncio.Task[None]] = {}
        """Those that are not any more, until they are gone."""
        self._on_news: Callable[[], None] = lambda: None
        self._ticker: asyncio.Task[None] | None = None
        """From `start` to `stop`."""

    # The contract.

    @property
    def ready(self) -> bool:
        return self._ticker is not None and bool(self._outbox.links)

    @property
    def problem(self) -> str:
        if self._ticker is None:
            return ""
        if self.ready:
            learnt = self._ids.learnt
            return f'receipts fit id_base = "{learnt}": set it, so that every process knows' if learnt else ""
        told = list(dict.fromkeys(bind.problem for bind in self._binds if bind.problem))
        return "; ".join(told[:3])

    async def start(self, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        if self._ticker is not None:
            return
        self._tls = context_of(self._settings)
        self._outbox.open()
        self._ticker = asyncio.create_task(self._tick(), name=f"smpp-{self.name}")
        self._want()

    def answer_seconds(self, payload: Payload) -> float:
        return self._settings.queue_seconds + self._settings.answer_seconds + 2 * TICK_SECONDS + 1.0

    def allow(self, share: Share) -> int:
        """Capacity is binds."""
        self._share = share
        self._outbox.pace.per_second = share.per_second
        if self._ticker is not None:
            self._want()
            self._outbox.pump()
        return sum(bind.in_use for bind in (*self._binds, *self._ending))

    def figures(self) -> Figures:
        links = self._outbox.links
        return Figures(
            binds=sum(bind.link is not None for bind in self._binds),
            binds_wanted=self._wanted if self._ticker is not None else 0,
            in_flight=sum(link.session.window - link.session.room for link in links),
            window=sum(link.session.window for link in links),
            waiting=self._outbox.waiting,
            pace=self._outbox.pace.per_second,
        )

    async def send(self, outgoing: Outgoing) -> Outcome:
        payload = outgoing.payload
        if not isinstance(payload, SmsPayload):
            return Outcome(kind=OutcomeKind.PERMANENT, reason="this carrier sends SMS only")
        if self._ticker is None:
            return _STOPPED
        try:
            bodies = self._bodies(outgoing, payload)
        except TlvFault as error:
            return Outcome(kind=OutcomeKind.PERMANENT, reason="a TLV cannot be made", detail=str(error))
        except DoesNotFit as error:
            return Outcome(kind=OutcomeKind.PERMANENT, reason="the text does not fit", detail=str(error))
        except ValueError as error:
            return Outcome(kind=OutcomeKind.PERMANENT, reason="no such sender", detail=str(error))
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._outbox.put(outcome, bodies, payload.valid_until)
        return await outcome

    async def stop(self) -> None:
        ticker, self._ticker = self._ticker, None
        if ticker is None:
            return
        ticker.cancel()
        self._outbox.close()
        binds, self._binds = self._binds, []
        for bind in binds:
            self._end(bind, min(DRAIN_SECONDS, self._settings.answer_seconds))
        await asyncio.gather(ticker, *self._ending.values(), return_exceptions=True)
        await self._reports.stop()
        self._on_news()

    # Binds.

    @property
    def _wanted(self) -> int:
        return self._settings.binds if self._share is None else self._share.capacity

    def _want(self) -> None:
        """As many binds as may be."""
        while len(self._binds) > self._wanted:
            # Until its answers are there it is in use.
            self._end(self._binds.pop(), self._settings.answer_seconds)
        while len(self._binds) + len(self._ending) < self._wanted:
            bind = self._new_bind(len(self._binds))
            self._binds.append(bind)
            bind.begin()

    def _new_bind(self, number: int) -> Bind:
        settings = self._settings
        command = c.BIND_TRANSCEIVER
        if settings.bind != "transceiver":
            receives = settings.bind == "separate" and number == 1
            command = c.BIND_RECEIVER if receives else c.BIND_TRANSMITTER
        body = BindBody(
            system_id=settings.system_id.encode("ascii"),
            password=settings.password.reveal().encode("ascii"),
            system_type=settings.system_type.encode("ascii"),
            interface_version=_VERSIONS[settings.interface_version],
        )
        return Bind(
            number,
            [where(address, tls=settings.tls) for address in settings.addresses],
            command,
            body.encode(),
            make_link=self._new_link,
            tls=self._tls,
            server_name=settings.tls_server_name,
            connect_seconds=settings.connect_seconds,
            on_change=self._changed,
            chance=self._chance,
        )

    def _new_link(self) -> Link:
        settings = self._settings
        return Link(
            self._outbox,
            self._reports.take,
            window=settings.window,
            answer_seconds=settings.answer_seconds,
            enquire_seconds=settings.enquire_seconds,
            per_second=settings.bind_per_second,
            steady=self._steady,
        )

    def _changed(self, bind: Bind) -> None:
        if bind.link is not None and bind.link.sends and bind in self._binds:
            self._outbox.add(bind.link)
        self._on_news()

    def _end(self, bind: Bind, seconds: float) -> None:
        if bind.link is not None:
            self._outbox.remove(bind.link)
        task = asyncio.create_task(bind.end(seconds, self._reports.settled))
        self._ending[bind] = task

        def gone(_: "asyncio.Task[None]") -> None:
            self._ending.pop(bind, None)
            if self._ticker is not None:
                self._want()

        task.add_done_callback(gone)

    async def _tick(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(TICK_SECONDS)
                for bind in (*self._binds, *self._ending):
                    bind.tick()
                self._outbox.sweep()

    # Bodies of submit_sm (3.4 §4.4.1).

    def _bodies(self, outgoing: Outgoing, payload: SmsPayload) -> list[tuple[bytes, bytes]]:
        """Each part's body before and after validity_period. Raises ValueError."""
        parts = outgoing_parts(
            payload.text,
            # It tells the parts of two texts to one phone apart; ids end in milliseconds, node and sequence.
            reference=((outgoing.message >> 22) + outgoing.message + outgoing.attempt) & 0xFF,
            concatenation=self._concatenation,
            smsc_default=self._alphabet,
        )
        settings = self._settings
        phone = payload.phone[1:].encode("ascii")
        head = self._head(payload.sender) + b"%c%c%b\0" % (
            settings.destination_ton,
            settings.destination_npi,
            phone,
        )
        extra = tlv_octets(make_tlvs(self._rules, outgoing.facts, payload.phone)) if self._rules else b""
        return [(head + self._flags[part.esm_class], self._after(part, extra)) for part in parts]

    def _after(self, part: OutgoingPart, extra: bytes) -> bytes:
        octets = part.octets
        return b"\0%b%c\0%c%b%b%b" % (self._tail, part.data_coding, len(octets), octets, part.tlvs, extra)

    def _head_of(self, sender: str) -> bytes:
        problem = sender_problem(sender)
        if problem:
            raise ValueError(problem)
        settings, address = self._settings, source(sender)
        ton = address.ton if settings.source_ton < 0 else settings.source_ton
        npi = address.npi if settings.source_npi < 0 else settings.source_npi
        return (
            c_octets(settings.service_type.encode("ascii"), 5, "service_type")
            + Address(ton, npi, address.digits).encode()
        )
