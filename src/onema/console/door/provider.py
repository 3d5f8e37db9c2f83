"""Logging in by the word of an OpenID Connect provider, where the installation has one."""

import hashlib
import logging
from collections.abc import Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from onema.administration.answers import Administrator
from onema.administration.people_requests import AdmitUser
from onema.administration.permissions import ITSELF
from onema.console.door.access import public_address
from onema.console.door.arriving import author_of
from onema.console.door.login import Login, retry_after, too_often
from onema.console.door.openid import Claimed, Handshake, OpenIdClient, ProviderAway, Unproven, handshake_of
from onema.console.door.passwords import Passwords
from onema.console.door.session import Sessions
from onema.console.door.tickets import Tickets
from onema.console.door.tries import Tries
from onema.console.words import Words, words_for
from onema.domain.configuration.documents import User, UserRole
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.keyring import Keyring
from onema.domain.people.change_access import ShowSubject
from onema.domain.people.tries import UseOnce
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway

START, BACK = "/login/provider", "/login/provider/back"
_TICKET = "provider"
_TICKET_BYTES = 32
_PASSWORD_BYTES = 32

log = logging.getLogger(__name__)


class ProviderLogin:
    def __init__(
        self,
        client: OpenIdClient,
        role: UserRole | None,
        keyring: Keyring,
        gateway: Gateway,
        users: Callable[[], Mapping[str, User]],
        login: Login,
        sessions: Sessions,
        passwords: Passwords,
        tickets: Tickets,
        administrator: Administrator,
    ) -> None:
        """Whom nobody knows and nobody has invited gets the `role`; None turns them away."""
        self._client = client
        self._role: UserRole | None = role
        self._keyring = keyring
        self._gateway = gateway
        self._users = users
        self._login = login
        self._sessions = sessions
        self._passwords = passwords
        self._tickets = tickets
        self._administrator = administrator
        self._tries = Tries(gateway, sessions)

    def routes(self) -> list[Route]:
        return [
            Route(START, self.start, methods=["GET"]),
            Route(BACK, self.back, methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        ticket = self._gateway.token(_TICKET_BYTES).hex()
        try:
            address = await self._client.address(_back_to(request), self._handshake(ticket))
        except ProviderAway as away:
            return self._away(words_for(request), away)
        response = RedirectResponse(address, 303)
        self._tickets.give(request, response, _TICKET, ticket)
        return response

    async def back(self, request: Request) -> Response:
        words = words_for(request)
        ticket = self._tickets.shown(request, _TICKET)
        if not ticket:
            told = words.say("This login began in another browser, or too long ago. Begin again.")
            return self._login.form(words, 401, told)
        whose = self._tries.of_address(request)
        if wait_ms := await self._tries.begin(whose):
            return self._login.form(words, 429, too_often(words, wait_ms), headers=retry_after(wait_ms))
        try:
            claimed = await self._claimed(request, ticket)
        except ProviderAway as away:
            return self._away(words, away)
        except Unproven as unproven:
            log.info(
                "the provider's answer proves nobody",
                extra={"action": "log_in", "detail": str(unproven)},
            )
            told = words.say("The provider does not say who you are. Try again.")
            return self._login.form(words, 401, told)
        await self._tries.succeeded(whose)
        user = await self._whom(request, claimed)
        if user is None:
            told = words.say("Nobody has invited {name} here. Ask an operator.", name=claimed.name)
            return self._login.form(words, 403, told)
        return await self._login.go_on(request, user, "provider")

    async def _claimed(self, request: Request, ticket: str) -> Claimed:
        handshake = self._handshake(ticket, request.query_params.get("state", ""))
        code = await self._client.check_answer(request.query_params, handshake)
        try:
            used = hashlib.sha256(ticket.encode()).hexdigest()
            await self._gateway.execute(UseOnce("provider", used, self._gateway.now()))
        except Refused as refused:
            if refused.refusal is not Refusal.CODE_INVALID:
                raise
            raise Unproven("this login was finished before") from None
        return await self._client.claimed(code, _back_to(request), handshake)

    def _handshake(self, ticket: str, state: str = "") -> Handshake:
        """The one that began with this state, whichever server key was in use; else a new one."""
        possible = [handshake_of(key, ticket) for key in self._keyring.signing_keys()]
        return next((one for one in possible if one.state == state), possible[0])

    async def _whom(self, request: Request, claimed: Claimed) -> User | None:
        """The user who that is here: known, invited under this name, or let in as what everybody is."""
        user = self._users().get(claimed.name)
        try:
            if user is None:
                user = await self._admitted(request, claimed.name)
            if user.state != "active":
                return None
            await self._recognize(request, user, f"{self._client.provider.issuer} {claimed.subject}")
        except InvalidConfiguration:  # it is no name that a user can have
            return None
        except Refused as refused:
            if refused.refusal not in (Refusal.CREDENTIAL_UNKNOWN, Refusal.DUPLICATE):
                raise
            return None
        return user

    async def _admitted(self, request: Request, name: str) -> User:
        # Nobody knows this password: whoever comes by the provider has none.
        password_hash = await self._passwords.hash(self._gateway.token(_PASSWORD_BYTES).hex())
        wanted = AdmitUser(name=name, password_hash=password_hash, role=self._role)
        address = request.client.host if request.client else ""
        actor = msgspec.structs.replace(ITSELF, name="the provider's word", address=address)
        return await self._administrator.answer(wanted, actor)

    async def _recognize(self, request: Request, user: User, subject: str) -> None:
        """Who comes first under a name stays the one who may: names are given anew at providers, subjects are not."""
        command = ShowSubject(user=user.name, subject=subject)
        if (await self._sessions.access(user.name)).subject:
            await self._gateway.execute(command)
        else:
            author = author_of(self._gateway, request, user, "show_subject")
            await author.execute(command, user.customer_of, f"user {user.name}", {"subject": subject})

    def _away(self, words: Words, away: ProviderAway) -> Response:
        log.warning("the login provider is away", extra={"action": "log_in", "detail": str(away)})
        told = words.say("The provider does not answer. Try again later, or log in with a password.")
        return self._login.form(words, 503, told)


def _back_to(request: Request) -> str:
    return public_address(request) + BACK
