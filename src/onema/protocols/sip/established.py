"""What both ends of a call do while its dialog stands: answer what the far end asks in it, keep the session alive, and
hang up (RFC 3261 §12.2, §14, §15; RFC 3311, RFC 4028, RFC 6086).
"""

import math
from collections.abc import Sequence
from typing import Any

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import response_to
from onema.protocols.sip.bodies import SDP, session_description
from onema.protocols.sip.call_events import By, CallEvent, Ended, Key, Media, MediaChanged
from onema.protocols.sip.descriptions import Malformed, NotAcceptable
from onema.protocols.sip.dialogs import Dialog, Local, Tokens
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.header_values import Reason, read_seconds
from onema.protocols.sip.info_keys import KINDS, key_of, tells_key
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.session_timers import LEAST, SessionTimer

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
UNDERSTOOD = frozenset(("timer",))
"""Extensions that a far end may require. 100rel is none of them: it would cost a round trip before the answer."""
_NO_METHODS_OF_OURS = frozenset(("MESSAGE", "REFER", "PUBLISH", "REGISTER", "PRACK"))
_GLARE_SECONDS = 2.1
"""§14.1: whose Call-ID it is waits 2.1 to 4 s after a 491."""
_PAUSE_SECONDS = 10.0
"""Before a refresh is tried again that was refused for now."""


class Established:
    """See the module. The transactions are the call's, which passes on what concerns the dialog."""

    def __init__(
        self,
        dialog: Dialog,
        transactions: t.Transactions,
        *,
        local: Local,
        media: Media,
        timer: SessionTimer,
        digest: DigestClient | None,
        tokens: Tokens,
    ) -> None:
        self.dialog, self.timer = dialog, timer
        self.over = False
        """Whether a BYE went or came."""
        self.agreed: Any = None
        """What is agreed about media."""
        self._transactions, self._local, self._media = transactions, local, media
        self._digest, self._tokens = digest, tokens
        self._peer_updates = False
        """Whether the far end takes UPDATE (RFC 3311 §4)."""
        self._refreshing = ""
        """The branch of our refresh that has no final response; empty: none."""
        self._offering = False
        """Whether an offer of ours has no answer, so that the far end may make none (RFC 3264 §4)."""
        self._acks: dict[str, Request] = {}
        """By the branch of a re-INVITE of ours, what acknowledges its 2xx."""
        self._unacknowledged: tuple[int, t.Key, bool] | None = None
        """The far end's INVITE that we answered with a 2xx last: its number, and whether that 2xx had an offer."""

    def know(self, peer: Request | Response) -> None:
        """Read in an INVITE or its answer what the far end can do."""
        self._peer_updates = self._peer_updates or "update" in peer.headers.tokens("Allow")

    def accepted(self, number: int, key: t.Key, *, offered: bool) -> None:
        """The far end's INVITE got a 2xx: an ACK of that number stops its repetition."""
        self._unacknowledged = (number, key, offered)

    def acknowledge(self, invite: Request, branch: str) -> None:
        """Send the ACK for a 2xx to our INVITE, the same one each time that the 2xx comes, with the INVITE's
        credentials (§13.2.2.4, §22.1).
        """
        ack = self._acks.get(branch)
        if ack is None:
            number = invite.cseq.number
            ack = self._acks[branch] = self.dialog.request("ACK", self._local, self._tokens, number=number)
            for name in ("Authorization", "Proxy-Authorization"):
                for value in invite.headers.rows(name):
                    ack.headers.add(name, value)
        self._transactions.send_once(ack, self.dialog.next_hop)

    def hang_up(
        self, now: float, reasons: Sequence[Reason] = (), headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Send BYE, whatever becomes of it. Safe twice."""
        if self.over:
            return
        self.over = True
        bye = self.dialog.request("BYE", self._local, self._tokens)
        for reason in reasons:
            bye.headers.add("Reason", reason.encode())
        for name, value in headers:
            bye.headers.add(name, value)
        if self._digest is not None:
            self._digest.authorize(bye)
        self._transactions.ask(bye, now, self.dialog.next_hop)

    # What the far end asks.

    def asked(self, asked: t.Asked, now: float) -> list[CallEvent]:
        """Answer a request in the dialog."""
        request, key = asked.request, asked.key
        if request.method == "ACK":
            return self._acknowledged(request, now)
        assert key is not None  # noqa: S101  # only an ACK has none
        if request.method == "CANCEL":
            # Whatever came in this dialog was answered at once (§9.2).
            self._answer(key, request, 200 if self._transactions.invite_of(request) else 481, now)
            return []
        if not self.dialog.takes(request):
            self._answer(key, request, 500, now)
            return []
        if request.method == "BYE":
            self._answer(key, request, 200, now)
            was_over, self.over = self.over, True
            if self._unacknowledged is not None:
                # Who hangs up need not acknowledge any more.
                self._transactions.acknowledged(self._unacknowledged[1], now)
            return [] if was_over else [Ended(by=By.THEM, message=request)]
        if self.over:
            self._answer(key, request, 481, now)
            return []
        unknown = request.headers.tokens("Require") - UNDERSTOOD
        if unknown:
            self._answer(key, request, 420, now, ("Unsupported", ", ".join(sorted(unknown))))
            return []
        if request.method in ("INVITE", "UPDATE"):
            return self._offered(key, request, now)
        if request.method == "INFO":
            return self._informed(key, request, now)
        if request.method == "OPTIONS":
            more = (("Allow", ALLOW), ("Accept", SDP), ("Supported", "timer"))
            self._answer(key, request, 200, now, *more)
        elif request.method in ("NOTIFY", "SUBSCRIBE"):
            # RFC 6665 §8.3.2: it concerns nothing but this request; a 481 makes some far ends hang up (RFC 5057).
            self._answer(key, request, 489, now)
        else:
            status = 405 if request.method in _NO_METHODS_OF_OURS else 501
            self._answer(key, request, status, now, ("Allow", ALLOW))
        return []

    def _offered(self, key: t.Key, request: Request, now: float) -> list[CallEvent]:
        """A re-INVITE or an UPDATE (§14.2, RFC 3311 §5.2), which may refresh the session."""
        if self._offering and (request.body or request.method == "INVITE"):
            self._answer(key, request, 491, now)
            return []
        if self.timer.too_small(request):
            self._answer(key, request, 422, now, ("Min-SE", str(LEAST)))
            return []
        body, agreed = b"", self.agreed
        if request.body:
            said = session_description(request)
            if not said:
                self._answer(key, request, 415, now, ("Accept", SDP))
                return []
            try:
                body, agreed = self._media.answer(said)
            except NotAcceptable as bad:
                self._answer(key, request, 400 if isinstance(bad, Malformed) else 488, now)
                return []
        elif request.method == "INVITE":
            body = self._media.offer
        self.know(request)
        self.dialog.move(request)
        response = response_to(request, 200, body=body, more=self._introduction())
        self.timer.grant(request, response.headers, now)
        self._transactions.answer(key, response, now)
        if request.method == "INVITE":
            self._offering = not request.body
            self.accepted(request.cseq.number, key, offered=not request.body)
        return self._changed(agreed)

    def _acknowledged(self, ack: Request, now: float) -> list[CallEvent]:
        if self._unacknowledged is None or ack.cseq.number != self._unacknowledged[0]:
            return []
        _, key, offered = self._unacknowledged
        self._unacknowledged = None
        self._transactions.acknowledged(key, now)
        if not offered:
            return []
        self._offering = False
        try:
            return self._changed(self._media.accept(session_description(ack)))
        except NotAcceptable as bad:
            return self.leave(By.US, str(bad), now)

    def _informed(self, key: t.Key, request: Request, now: float) -> list[CallEvent]:
        if tells_key(request):
            digit = key_of(request)
            self._answer(key, request, 200, now)
            return [Key(digit)] if digit else []
        if "Info-Package" in request.headers:
            # RFC 6086 §4.2.2: with what we take, which is nothing.
            self._answer(key, request, 469, now, ("Recv-Info", ""))
        elif request.body:
            self._answer(key, request, 415, now, ("Accept", ", ".join(KINDS)))
        else:
            self._answer(key, request, 200, now)
        return []

    def not_acknowledged(self, event: t.NotAcknowledged, now: float) -> list[CallEvent]:
        """§13.3.1.4: whose 2xx gets no ACK hangs up. A refused re-INVITE without ACK changes nothing."""
        return self.leave(By.TIMEOUT, "no ACK came", now) if event.status < 300 else []

    # What we ask.

    def heard(self, event: t.Answered, now: float) -> list[CallEvent]:
        """The response to a BYE, UPDATE or re-INVITE of ours."""
        request, response = event.request, event.response
        if event.branch in self._acks and response.status < 300:
            self.acknowledge(request, event.branch)
            return []
        if response.status < 200:
            return []
        if self._digest is not None and self._digest.learn(request, response):
            self._ask_again(request, now)
            return []
        if request.method not in ("UPDATE", "INVITE"):
            # What becomes of a BYE changes nothing, and an INFO was told.
            return []
        self._refreshing, self._offering = "", False
        return self._refreshed(event, now)

    def _refreshed(self, event: t.Answered, now: float) -> list[CallEvent]:
        request, response = event.request, event.response
        if response.status < 300:
            if request.method == "INVITE":
                self.acknowledge(request, event.branch)
            if self.over:
                return []
            self.dialog.move(response)
            self.timer.agreed(response, now)
            if not (said := session_description(response)):
                return []
            try:
                return self._changed(self._media.accept(said))
            except NotAcceptable as bad:
                return self.leave(By.US, str(bad), now)
        if self.over:
            return []
        if response.status in (408, 481):
            # RFC 4028 §10, RFC 3261 §12.2.1.2: the far end knows nothing of the call.
            return self.leave(By.TIMEOUT, f"the session could not be refreshed: {response.status}", now)
        if response.status == 422 and self.timer.raise_to(response):
            self._refresh(now)
        elif response.status in (405, 415, 501) and request.method == "UPDATE":
            self._peer_updates = False
            self._refresh(now)
        else:
            pause = _GLARE_SECONDS if response.status == 491 else _PAUSE_SECONDS
            self.timer.refresh_later(now, max(pause, read_seconds(response.headers.get("Retry-After")) or 0))
        return []

    def unanswered(self, event: t.Unanswered, now: float) -> list[CallEvent]:
        """A BYE, UPDATE or re-INVITE of ours got no response, or could not be sent."""
        if event.request.method not in ("UPDATE", "INVITE") or self.over:
            return []
        self._refreshing, self._offering = "", False
        by = By.TRANSPORT if event.refused else By.TIMEOUT
        return self.leave(by, "the session could not be refreshed", now)

    def tick(self, now: float) -> list[CallEvent]:
        """What the session timer brings (RFC 4028 §10)."""
        if self.over:
            return []
        if now >= self.timer.expires_at:
            return self.leave(By.TIMEOUT, "the session was not refreshed", now)
        if now >= self.timer.refresh_at and not self._refreshing:
            self._refresh(now)
        return []

    @property
    def due(self) -> float:
        if self.over:
            return math.inf
        at = self.timer.expires_at
        return at if self._refreshing else min(at, self.timer.refresh_at)

    def leave(self, by: By, why: str, now: float) -> list[CallEvent]:
        """Hang up because of something that we noticed."""
        if self.over:
            return []
        self.hang_up(now)
        return [Ended(by=by, why=why)]

    def _refresh(self, now: float) -> None:
        if self._unacknowledged is not None:
            # §14.1: no INVITE while another is under way.
            self.timer.refresh_later(now, _GLARE_SECONDS)
            return
        self._offer("UPDATE" if self._peer_updates else "INVITE", now)

    def offer_again(self, now: float) -> None:
        """Send a re-INVITE with the offer that Media has now, unless something of the kind is under way (§14.1)."""
        if not (self.over or self._refreshing or self._offering):
            self._offer("INVITE", now)

    def inform(self, key: str, now: float) -> None:
        """Tell a key by INFO, as gateways do."""
        if self.over:
            return
        request = self.dialog.request("INFO", self._local, self._tokens)
        request.headers.add("Content-Type", KINDS[0])
        request.body = f"Signal={key}\r\nDuration=160\r\n".encode()
        if self._digest is not None:
            self._digest.authorize(request)
        self._transactions.ask(request, now, self.dialog.next_hop)

    def _offer(self, method: str, now: float) -> None:
        request = self.dialog.request(method, self._local, self._tokens)
        request.headers.add("Allow", ALLOW)
        self.timer.ask(request.headers)
        if request.method == "INVITE":
            request.headers.add("Content-Type", SDP)
            request.body = self._media.offer
            self._offering = True
        if self._digest is not None:
            self._digest.authorize(request)
        self._refreshing = self._transactions.ask(request, now, self.dialog.next_hop)

    def _ask_again(self, request: Request, now: float) -> None:
        again = self.dialog.request(request.method, self._local, self._tokens)
        for name in ("Allow", "Supported", "Session-Expires", "Min-SE", "Reason", "Content-Type"):
            for value in request.headers.rows(name):
                again.headers.add(name, value)
        again.body = request.body
        if self._digest is not None:
            self._digest.authorize(again)
        branch = self._transactions.ask(again, now, self.dialog.next_hop)
        if request.method != "BYE":
            self._refreshing = branch

    def _changed(self, agreed: Any) -> list[CallEvent]:
        if agreed == self.agreed:
            return []
        self.agreed = agreed
        return [MediaChanged(agreed)]

    def _introduction(self) -> list[tuple[str, str]]:
        rows = [("Contact", self._local.contact), ("Allow", ALLOW)]
        return [*rows, ("Server", self._local.agent)] if self._local.agent else rows

    def _answer(self, key: t.Key, request: Request, status: int, now: float, *more: tuple[str, str]) -> None:
        self._transactions.answer(key, response_to(request, status, more=more), now)
