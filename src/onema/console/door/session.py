import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from starlette.requests import Request

from onema.domain.configuration.documents import User
from onema.domain.door_rows import UserAccess
from onema.domain.keyring import Keyring
from onema.domain.people.access import SESSION_MS, Access, Session, read_access
from onema.domain.records import Key, Row
from onema.engine.gateway import Gateway

COOKIE = "onema_session"
KNOWN_COOKIE = "onema_known"
KNOWN_MS = 180 * 24 * 3_600_000
_ID_BYTES = 16
_LONGEST_BROWSER = 200
_KNOWN = b"known\0"

ReadRows = Callable[[Sequence[Key]], Awaitable[Mapping[Key, Row]]]
"""Committed rows of the store, without locks."""


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a cookie says: who is logged in, in which session, and until when (Unix milliseconds)."""

    user: str
    id: str
    expires_at: int


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who is logged in, by which of their sessions, and what they can show besides a password."""

    user: str
    session: Session
    access: Access


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Claim)


class Sessions:
    """Sessions have a row, so that each can be ended over all nodes; the cookie that names one is signed.

    The signature covers the user's password hash and logouts too: a new password, or a user who is gone or inactive,
    ends every session at once, whatever the row says.
    """

    def __init__(
        self, keyring: Keyring, users: Callable[[], Mapping[str, User]], gateway: Gateway, read: ReadRows
    ) -> None:
        self._keyring = keyring
        self._users = users
        self._gateway = gateway
        self._read = read

    def new(self, request: Request, shown: str) -> Session:
        """A session that begins with this request, for which that was `shown`."""
        now = self._gateway.now()
        return Session(
            id=self._gateway.token(_ID_BYTES).hex(),
            began_at=now,
            expires_at=now + SESSION_MS,
            address=request.client.host if request.client else "",
            browser=_printable(request.headers.get("user-agent", "")),
            shown=shown,
        )

    def cookie(self, user: User, session: Session) -> str:
        """What proves this session, until the user's password changes."""
        content = _encoder.encode(_Claim(user.name, session.id, session.expires_at))
        return f"{_text(content)}.{_text(self._keyring.sign(_signed(content, user)))}"

    async def find(self, cookie: str) -> Visitor | None:
        """Whoever this cookie proves, if the session still lasts."""
        claim = self._claim(cookie)
        if claim is None:
            return None
        access = await self.access(claim.user)
        session = access.session(claim.id, self._gateway.now())
        return Visitor(claim.user, session, access) if session is not None else None

    async def access(self, user: str) -> Access:
        """What a user can show, and where they are logged in."""
        row = (await self._read([(UserAccess, user)])).get((UserAccess, user))
        return read_access(row if isinstance(row, UserAccess) else None)

    def form_token(self, cookie: str) -> str:
        """What forms of this session carry, so that no other site can send one; of no session, of nobody's."""
        return _text(self._keyring.sign(_form(cookie)))

    def is_form_token(self, token: str, cookie: str) -> bool:
        """Whether a form of this session carried it."""
        try:
            signature = urlsafe_b64decode(token.encode("ascii"))
        except ValueError:
            return False
        return self._keyring.has_signed(_form(cookie), signature)

    def known(self, user: User) -> str:
        """What a browser keeps in which this user was logged in."""
        content = _encoder.encode(
            _Claim(user.name, self._gateway.token(_ID_BYTES).hex(), self._gateway.now() + KNOWN_MS)
        )
        return f"{_text(content)}.{_text(self._keyring.sign(_KNOWN + content))}"

    def knows(self, cookie: str, user: str) -> str:
        """The browser's id, where this user was logged in with it before; else ""."""
        try:
            content, signature = _parts(cookie)
            claim = _decoder.decode(content)
        except (ValueError, msgspec.DecodeError, RecursionError):
            return ""
        ours = self._keyring.has_signed(_KNOWN + content, signature)
        return claim.id if ours and claim.user == user and claim.expires_at > self._gateway.now() else ""

    def _claim(self, cookie: str) -> _Claim | None:
        try:
            content, signature = _parts(cookie)
            claim = _decoder.decode(content)
        except (ValueError, msgspec.DecodeError, RecursionError):
            return None
        user = self._users().get(claim.user)
        if user is None or user.state != "active":
            return None
        return claim if self._keyring.has_signed(_signed(content, user), signature) else None


def _signed(content: bytes, user: User) -> bytes:
    return b"%b\0%b\0%d" % (content, user.password_hash.encode(), user.logouts)


def _form(cookie: str) -> bytes:
    return b"form\0" + cookie.encode()


def _parts(cookie: str) -> tuple[bytes, bytes]:
    """Raises ValueError."""
    try:
        content, signature = (urlsafe_b64decode(part.encode("ascii")) for part in cookie.split(".", 1))
    except binascii.Error as error:
        raise ValueError("not base64") from error
    return content, signature


def _printable(text: str) -> str:
    return "".join(one for one in text if one.isprintable())[:_LONGEST_BROWSER]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii")
