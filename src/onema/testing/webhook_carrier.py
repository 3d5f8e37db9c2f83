"""A carrier that answers later, on any node, over HTTP: a test says what it reports."""

import hashlib
import hmac

import msgspec

from onema.channels.contract import NotRecorded, Outgoing, Receipt, ReceiptSink, Webhook
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.http.messages import Request, Response
from onema.testing.recording_carrier import RecordingCarrier

SIGNATURE = b"x-signature"
PARTS = 160
"""So many characters go into one part."""


class Report(msgspec.Struct, frozen=True):
    """What the carrier posts of one part."""

    id: str
    state: OutcomeKind
    reason: str = ""


_reports = msgspec.json.Decoder(Report)
_encoder = msgspec.json.Encoder()


class WebhookCarrier(RecordingCarrier):
    """Takes every message and names each of its parts; who asks what became of one is told by its webhook."""

    async def send(self, outgoing: Outgoing) -> Outcome:
        outcome = await super().send(outgoing)
        if outcome.kind is not OutcomeKind.DELIVERED:
            return outcome
        names = tuple(f"{outgoing.message}-{outgoing.attempt}-{part}" for part in range(parts_of(outgoing)))
        return Outcome(kind=OutcomeKind.SUBMITTED, references=names)


def parts_of(outgoing: Outgoing) -> int:
    text = getattr(outgoing.payload, "text", "")
    return max(1, -(-len(text) // PARTS))


def signed(report: Report, secret: str, name: str) -> Request:
    """The request that the carrier would make."""
    body = _encoder.encode(report)
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = ((SIGNATURE, signature.encode()), (b"content-type", b"application/json"))
    return Request("POST", f"/carriers/{name}/receipts", b"", headers, body, "203.0.113.9")


def receive_reports(name: str, secret: str, receipts: ReceiptSink) -> Webhook:
    """What answers its reports."""

    async def answer(request: Request) -> Response:
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest().encode()
        if not secret or not hmac.compare_digest(request.header(SIGNATURE) or b"", expected):
            return Response(403, b"{}", outcome="bad_signature")
        try:
            report = _reports.decode(request.body)
        except msgspec.DecodeError:
            return Response(400, b"{}", outcome="bad_request")
        try:
            await receipts(Receipt(name, report.id, Outcome(kind=report.state, reason=report.reason)))
        except NotRecorded:
            return Response(503, b"{}", outcome="store_unavailable")
        return Response(200, b"{}")

    return answer
