"""The last step of every login: a session begins, and the audit log says so."""

from starlette.requests import Request
from starlette.responses import Response

from onema.administration.author import Author
from onema.administration.permissions import Actor
from onema.console.door.session import COOKIE, KNOWN_COOKIE, KNOWN_MS, Sessions
from onema.domain.configuration.documents import User
from onema.domain.people.access import SESSION_MS, Session
from onema.domain.people.change_access import BeginSession
from onema.engine.gateway import Gateway


class Arrivals:
    def __init__(self, gateway: Gateway, sessions: Sessions) -> None:
        self._gateway = gateway
        self._sessions = sessions

    async def come_in(self, request: Request, response: Response, user: User, shown: str) -> None:
        """Begin a session of this user, for which they have shown that much."""
        session = self._sessions.new(request, shown)
        author = author_of(self._gateway, request, user, "log_in")
        await author.execute(
            BeginSession(user=user.name, session=session),
            user.customer_of,
            f"user {user.name}",
            {"shown": shown, "browser": session.browser},
        )
        self.keep(request, response, user, session)

    def keep(self, request: Request, response: Response, user: User, session: Session) -> None:
        """Give the browser what proves the session, and that the user was here."""
        for name, value, life_ms in (
            (COOKIE, self._sessions.cookie(user, session), SESSION_MS),
            (KNOWN_COOKIE, self._sessions.known(user), KNOWN_MS),
        ):
            response.set_cookie(
                name,
                value,
                max_age=life_ms // 1000,
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )


def author_of(gateway: Gateway, request: Request, user: User, what: str) -> Author:
    """Carries out what a user does at the door, and writes it down."""
    address = request.client.host if request.client else ""
    actor = Actor(name=user.name, how="user", role=user.role, account=user.customer_of, address=address)
    return Author(gateway, actor, what)
