"""What an SMSC sends to us: receipts, and whatever else.

It hears that we have a receipt when that is durable. What nobody can read is acknowledged, too: it would come again the
same, and again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from onema.channels.contract import NotRecorded, Receipt, ReceiptSink
from onema.channels.sms_smpp.receipt_tlvs import ReceiptTlv, network_of
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.pdus import DataSm, MalformedPdu, ShortMessage, decode
from onema.protocols.smpp.receipts import DeliveryReceipt, MessageState, is_report, read_receipt
from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

AT_ONCE = 1_000
"""Receipts of a carrier that wait to become durable; one more is to come again."""
COMPLAIN_SECONDS = 60.0

RESPONSE_BODY = b"\0"
"""Of deliver_sm_resp and data_sm_resp: a message_id that is empty (3.4 §4.6.2). libsmpp34 takes nothing else."""

Answerer = Callable[[Frame, int, bytes], None]
"""Sends the response to a request, if the link is still there."""


class ReceiptError(CarrierSettings, frozen=True, kw_only=True):
    err: Annotated[str, Meta(min_length=1, max_length=20, description="What stands behind `err:`.")]
    ending: Annotated[
        Literal["", "switched off", "unreachable", "not in service", "suspended", "busy"],
        Meta(description="How the message ended, as docs/endings.md has it; empty: in none of these ways."),
    ] = ""
    words: Annotated[str, Meta(max_length=100, description="What it says to operators.")] = ""


def receipt_error_problems(rules: Sequence[ReceiptError]) -> Iterator[Problem]:
    """Places are those of the settings."""
    errors = [rule.err for rule in rules]
    for index, err in enumerate(errors):
        if errors.count(err) > 1:
            yield Problem(f"receipt_errors[{index}].err", "it is there twice")
        if not (rules[index].ending or rules[index].words):
            yield Problem(f"receipt_errors[{index}]", "it says neither an ending nor words")


_KINDS: Mapping[MessageState, OutcomeKind] = {
    MessageState.SCHEDULED: OutcomeKind.SUBMITTED,
    MessageState.ENROUTE: OutcomeKind.SUBMITTED,
    MessageState.ACCEPTED: OutcomeKind.SUBMITTED,
    MessageState.DELIVERED: OutcomeKind.DELIVERED,
    MessageState.EXPIRED: OutcomeKind.UNDELIVERED,
    MessageState.DELETED: OutcomeKind.UNDELIVERED,
    MessageState.UNDELIVERABLE: OutcomeKind.UNDELIVERED,
    MessageState.REJECTED: OutcomeKind.UNDELIVERED,
    MessageState.SKIPPED: OutcomeKind.UNDELIVERED,
    MessageState.UNKNOWN: OutcomeKind.UNKNOWN,
}

_GSM_NETWORK = 3
# 3GPP TS 29.002 §17.6.6 (MAP errors), as network_error_code has them for a GSM network (3.4 §5.3.2.31).
_MAP_ERRORS = {
    1: Ending.NOT_IN_SERVICE,  # unknownSubscriber
    6: Ending.SWITCHED_OFF,  # absentSubscriberSM
    9: Ending.NOT_IN_SERVICE,  # illegalSubscriber
    11: Ending.SUSPENDED,  # teleserviceNotProvisioned
    13: Ending.SUSPENDED,  # callBarred
    27: Ending.SWITCHED_OFF,  # absentSubscriber
    31: Ending.BUSY,  # subscriberBusyForMT-SMS
}


class Reports:
    """Takes deliver_sm and data_sm of all binds of a carrier."""

    def __init__(
        self,
        carrier: str,
        sink: ReceiptSink,
        reference_of: Callable[[bytes], str],
        *,
        plain_receipts: bool = False,
        errors: Iterable[ReceiptError] = (),
        words_of: Callable[[str], str] = lambda err: "",
        ending_of: Callable[[str], Ending | None] = lambda err: None,
        named_tlvs: tuple[ReceiptTlv, ...] = (),
        steady: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._carrier = carrier
        self._sink = sink
        self._reference_of = reference_of
        self._plain_receipts = plain_receipts
        rules = tuple(errors)
        self._endings = {rule.err: Ending(rule.ending) for rule in rules if rule.ending}
        self._words = {rule.err: rule.words for rule in rules if rule.words}
        self._words_of = words_of
        """What an `err:` says to people, where the carrier's own rules have no words for it."""
        self._ending_of = ending_of
        """How an `err:` says that it ended, where the carrier's own rules do not."""
        self._named_tlvs = named_tlvs
        self._steady = steady
        self._recording: set[asyncio.Task[None]] = set()
        """Of receipts that are not yet durable."""
        self._complaints = 0
        """What could not be used since the last line in the log."""
        self._complained_at = float("-inf")

    def take(self, frame: Frame, answer: Answerer) -> None:
        """A deliver_sm or data_sm. Raises nothing."""
        try:
            message = decode(frame)
        except MalformedPdu as error:
            self._useless(str(error))
            answer(frame, statuses.ESME_ROK, RESPONSE_BODY)
            return
        assert isinstance(message, ShortMessage | DataSm)  # noqa: S101  # the link hands over nothing else
        if not is_report(message, plain_too=self._plain_receipts):
            self._useless("a text from a phone")
            answer(frame, statuses.ESME_ROK, RESPONSE_BODY)
            return
        found = read_receipt(message)
        reference = self._reference_of(found.message_id)
        if not reference:
            self._useless("a receipt without an id")
            answer(frame, statuses.ESME_ROK, RESPONSE_BODY)
        elif len(self._recording) >= AT_ONCE:
            answer(frame, statuses.ESME_RX_T_APPN, RESPONSE_BODY)
        else:
            receipt = Receipt(self._carrier, reference, self._outcome(found))
            task = asyncio.create_task(self._record(receipt, frame, answer))
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)

    async def settled(self) -> None:
        """All that came is durable, or was refused."""
        while self._recording:
            await asyncio.wait(self._recording)

    async def stop(self) -> None:
        """Whatever is not durable by now comes again."""
        for task in self._recording:
            task.cancel()
        await asyncio.gather(*self._recording, return_exceptions=True)

    async def _record(self, receipt: Receipt, frame: Frame, answer: Answerer) -> None:
        try:
            await self._sink(receipt)
        except NotRecorded:
            answer(frame, statuses.ESME_RX_T_APPN, RESPONSE_BODY)
        except Exception as error:  # noqa: BLE001  # whatever failed, the SMSC must say it again
            log.error(
                "receipt not recorded",
                extra={"action": "receipt", "carrier": self._carrier, "fault": describe_fault(error)},
            )
            answer(frame, statuses.ESME_RX_T_APPN, RESPONSE_BODY)
        else:
            answer(frame, statuses.ESME_ROK, RESPONSE_BODY)

    def _outcome(self, found: DeliveryReceipt) -> Outcome:
        kind = _KINDS[found.state]
        if found.is_intermediate:
            # 3.4 §5.2.12: a notification on the way, whatever it says.
            kind = OutcomeKind.SUBMITTED
        told = [found.word, f"err {found.err}" if found.err else "", found.disagreement]
        ending = self._ending(found) if kind is OutcomeKind.UNDELIVERED else None
        reason = ""
        if kind is not OutcomeKind.DELIVERED:
            words = self._words.get(found.err) or self._words_of(found.err)
            reason = words or ("" if ending else found.state.name.lower())
        return Outcome(
            kind=kind,
            reason=reason,
            detail=", ".join(filter(None, told)),
            ending=ending,
            network=network_of(found.tlvs, self._named_tlvs) if found.tlvs else {},
        )

    def _ending(self, found: DeliveryReceipt) -> Ending | None:
        known = self._endings.get(found.err) or self._ending_of(found.err)
        if known is None and found.network_error is not None and found.network_error[0] == _GSM_NETWORK:
            known = _MAP_ERRORS.get(found.network_error[1])
        if known is None and found.state is MessageState.EXPIRED:
            return Ending.SWITCHED_OFF
        return known

    def _useless(self, why: str) -> None:
        """Acknowledged and dropped; said now and then."""
        self._complaints += 1
        now = self._steady()
        if now >= self._complained_at + COMPLAIN_SECONDS:
            log.warning(
                "what the SMSC sent is no receipt",
                extra={
                    "action": "receipt",
                    "carrier": self._carrier,
                    "detail": why,
                    "count": self._complaints,
                },
            )
            self._complaints, self._complained_at = 0, now


RECEIVED = frozenset((c.DELIVER_SM, c.DATA_SM))
