"""Session timers: a call whose far end is gone ends by itself (RFC 4028)."""

import math

from onema.protocols.sip.header_values import SessionExpires, read_seconds, read_session_expires
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response

LEAST = 90
"""The shortest session that anybody may ask for, in seconds (§4), and the Min-SE of ours."""


class SessionTimer:
    """Of one call, for either end of it. `seconds` is what we ask for as the caller; 0: the far end may ask, we do
    not.
    """

    def __init__(self, seconds: int) -> None:
        self.wanted = max(seconds, LEAST) if seconds else 0
        """What our requests ask for."""
        self.least = LEAST
        """The Min-SE that they name: a 422 raises it."""
        self._refreshes = False
        """Whether it is this end that refreshes."""
        self._seconds = 0
        self._began = math.inf
        self._not_before = 0.0

    @property
    def is_raised(self) -> bool:
        return self.least > LEAST

    def ask(self, headers: Headers) -> None:
        """Say in an INVITE or UPDATE of ours what we want (§7.1)."""
        headers.add("Supported", "timer")
        seconds = self._seconds or self.wanted
        if seconds:
            # In a refresh whoever refreshed goes on to (§7.4); in the first INVITE the far end chooses.
            role = "" if not self._seconds else "uac" if self._refreshes else "uas"
            headers.add("Session-Expires", SessionExpires(max(seconds, self.least), role).encode())
            if self.is_raised:
                headers.add("Min-SE", str(self.least))

    def raise_to(self, refusal: Response) -> bool:
        """Whether the 422 says what would do (§7.4): then ask again."""
        least = read_seconds(refusal.headers.get("Min-SE"))
        if least is None or least <= self.least:
            return False
        self.least = least
        self.wanted = max(self.wanted, least)
        return True

    def agreed(self, response: Response, now: float) -> None:
        """A 2xx to an INVITE or UPDATE of ours came (§7.2): without a Session-Expires there is no timer."""
        found = read_session_expires(response.headers.get("Session-Expires"))
        if found is None:
            self._seconds, self._began = 0, math.inf
            return
        self._seconds, self._began = max(found.seconds, LEAST), now
        # §7.2: no refresher is named against the RFC; it costs us nothing to be it.
        self._refreshes = found.refresher != "uas"

    def too_small(self, request: Request) -> bool:
        """Whether a request of the far end's is to be answered 422 with Min-SE (§9)."""
        found = read_session_expires(request.headers.get("Session-Expires"))
        return found is not None and found.seconds < LEAST and "timer" in request.headers.tokens("Supported")

    def grant(self, request: Request, answer: Headers, now: float) -> None:
        """Say in our 2xx to the far end's INVITE or UPDATE what is agreed (§9)."""
        found = read_session_expires(request.headers.get("Session-Expires"))
        answer.add("Supported", "timer")
        if found is None:
            if self._seconds:
                # §9: the refresh of an end that dropped the timer ends it.
                self._seconds, self._began = 0, math.inf
            return
        knows = "timer" in request.headers.tokens("Supported")
        # Without a choice of its own whoever asks refreshes; who does not know timers cannot.
        refresher = found.refresher or "uac"
        if not knows:
            refresher = "uas"
        self._seconds, self._began, self._refreshes = max(found.seconds, LEAST), now, refresher == "uas"
        answer.add("Session-Expires", SessionExpires(self._seconds, refresher).encode())
        if refresher == "uac":
            answer.add("Require", "timer")

    def set(self, agreed: SessionExpires, now: float) -> None:
        """What the called end says in its 2xx by itself."""
        self._seconds, self._began = agreed.seconds, now
        self._refreshes = agreed.refresher == "uas"

    def refresh_later(self, now: float, seconds: float) -> None:
        """A refresh of ours could not be done now (491, 500): it is due again after `seconds`."""
        self._not_before = now + seconds

    @property
    def refresh_at(self) -> float:
        """When this end must refresh (§10: at half the time); infinity for never."""
        return max(self._began + self._seconds / 2, self._not_before) if self._refreshes else math.inf

    @property
    def expires_at(self) -> float:
        """When the call must be ended (§10: a little before the time); infinity for never."""
        return self._began + self._seconds - min(32.0, self._seconds / 3) if self._seconds else math.inf
