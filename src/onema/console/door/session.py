import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping

import msgspec

from onema.domain.configuration.documents import User
from onema.domain.values.written_ahead import TOLERATED_MS

SESSION_MS = 12 * 3_600_000
COOKIE = "onema_session"


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Who is logged in, and until when (Unix milliseconds)."""

    user: str
    expires_at: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)


class Sessions:
    """Sessions that the browser keeps: signed, so that we need no table.

    The signature covers the user's password hash and logouts too: a new password, a logout, or a user who is
    gone or inactive, ends every session at once.
    """

    def __init__(self, key: bytes, users: Callable[[], Mapping[str, User]], now: Callable[[], int]) -> None:
        self._key = key
        self._users = users
        self._now = now

    def begin(self, user: User) -> str:
        """The cookie's value."""
        content = _encoder.encode(Session(user.name, self._now() + SESSION_MS))
        return f"{_text(content)}.{_text(self._signature(content, user))}"

    def find(self, cookie: str) -> Session | None:
        """The session that this cookie proves, if it still lasts."""
        try:
            content, signature = (urlsafe_b64decode(part.encode("ascii")) for part in cookie.split(".", 1))
            session = _decoder.decode(content)
        except (ValueError, binascii.Error, msgspec.DecodeError):
            return None
        user = self._users().get(session.user)
        left = session.expires_at - self._now()
        if user is None or user.state != "active" or not 0 < left <= SESSION_MS + TOLERATED_MS:
            return None
        return session if hmac.compare_digest(signature, self._signature(content, user)) else None

    def form_token(self, cookie: str) -> str:
        """What forms of this session carry, so that no other site can send one; of no session, of nobody's."""
        return _text(hmac.digest(self._key, b"form\0" + cookie.encode(), "sha256"))

    def _signature(self, content: bytes, user: User) -> bytes:
        return hmac.digest(
            self._key, b"%b\0%b\0%d" % (content, user.password_hash.encode(), user.logouts), "sha256"
        )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii")
