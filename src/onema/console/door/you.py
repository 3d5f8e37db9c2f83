"""The page of who is logged in: password, authenticator app, passkeys, sessions."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from onema.administration.answers import Administrator
from onema.administration.requests import PutDocuments
from onema.console.door import passkeys
from onema.console.door.access import YOUR_ACCOUNT, Doorman, public_address
from onema.console.door.arriving import Arrivals, author_of
from onema.console.door.authenticator import ENTROPY_BYTES, RECOVERY_ENTROPY_BYTES, Authenticators
from onema.console.door.login import give_challenge, shown_challenge
from onema.console.door.passwords import Passwords, password_fault
from onema.console.door.session import Sessions, Visitor
from onema.console.door.tickets import Tickets
from onema.console.door.tries import Tries
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Action, Section, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration.documents import User
from onema.domain.people import change_access as change
from onema.domain.people.access import MOST_PASSKEYS, lasts
from onema.domain.people.tries import UseOnce
from onema.domain.refusals import Refused
from onema.domain.values.times import show_time
from onema.engine.gateway import Gateway

LONGEST_NAME = 60
"""Characters of a passkey's name."""
_PASSWORD_FIELDS = frozenset(("current", "password", "again", "confirm"))
_JSON = msgspec.json.Decoder(dict[str, Any])


class You:
    def __init__(
        self,
        gateway: Gateway,
        users: Callable[[], Mapping[str, User]],
        sessions: Sessions,
        doorman: Doorman,
        administrator: Administrator,
        passwords: Passwords,
        authenticators: Authenticators,
        tickets: Tickets,
    ) -> None:
        self._gateway = gateway
        self._users = users
        self._sessions = sessions
        self._doorman = doorman
        self._administrator = administrator
        self._passwords = passwords
        self._authenticators = authenticators
        self._tickets = tickets
        self._arrivals = Arrivals(gateway, sessions)
        self._tries = Tries(gateway, sessions)

    def section(self) -> Section:
        actions: dict[str, Action] = {
            "password": self._change_password,
            "offer_app": self._offer_app,
            "confirm_app": self._confirm_app,
            "recovery": self._new_recovery_codes,
            "remove_app": self._remove_app,
            "name_passkey": self._name_passkey,
            "remove_passkey": self._remove_passkey,
            "end": self._end_session,
            "end_others": self._end_others,
        }
        return Section(
            "you",
            "Your account",
            {"": self._page},
            actions={"": actions},
            in_navigation=False,
            without_factor=True,
        )

    def routes(self) -> list[Route]:
        """What is no page: a picture, and what the page's script sends."""
        return [
            Route(
                f"{YOUR_ACCOUNT}/app.svg",
                self._doorman.page(self._picture, without_factor=True),
                methods=["GET"],
            ),
            Route(f"{YOUR_ACCOUNT}/passkey/ask", self._doorman.script(self._ask_passkey), methods=["POST"]),
            Route(f"{YOUR_ACCOUNT}/passkey", self._doorman.script(self._add_passkey), methods=["POST"]),
        ]

    async def _page(self, visit: Visit, recovery: tuple[str, ...] = ()) -> Response:
        visitor, user = self._who(visit.request)
        # What somebody typed into a field for passwords is not sent back.
        visit.form.values = {
            name: value for name, value in visit.form.values.items() if name not in _PASSWORD_FIELDS
        }
        access = await self._sessions.access(user.name)
        now = self._gateway.now()
        offered = access.totp if access.totp is not None and not access.totp.confirmed else None
        return visit.render(
            "you.html",
            user=user,
            app=access.app,
            app_since=show_time(access.app.made_at) if access.app else "",
            secret=self._authenticators.secret(user.name, offered) if offered else "",
            offered=offered,
            left=len(access.recovery),
            recovery=recovery,
            passkeys=[
                {"one": one, "made_at": show_time(one.made_at), "used_at": show_time(one.used_at)}
                for one in access.passkeys
            ],
            may_add=len(access.passkeys) < MOST_PASSKEYS,
            sessions=[
                {"one": one, "began_at": show_time(one.began_at), "here": one.id == visitor.session.id}
                for one in reversed(access.sessions)
                if lasts(one, now)
            ],
            lacks=self._doorman.lacks(visitor),
            longest=LONGEST_NAME,
            command=f"onema user set {user.name} --password",
        )

    async def _change_password(self, visit: Visit) -> str | Response:
        visitor, user = self._who(visit.request)
        revision = self._gateway.directory.revision
        await self._confirmed(visit, user, "current")
        password = visit.form.values.get("password", "")
        if fault := password_fault(visit.words, password, visit.form.values.get("again", "")):
            visit.form.errors["password"] = fault
            raise Unfit
        changed = msgspec.structs.replace(user, password_hash=await self._passwords.hash(password))
        actor = msgspec.structs.replace(visit.actor, how="server", role="owner", account="")
        await self._administrator.answer(PutDocuments(documents=(changed,), revision=revision), actor)
        # The others could not go on anyway: what proves them holds for the old password.
        await self._gateway.execute(change.EndSessions(user=user.name, id=visitor.session.id, others=True))
        response = RedirectResponse(YOUR_ACCOUNT, 303)
        self._arrivals.keep(visit.request, response, changed, visitor.session)
        return response

    async def _offer_app(self, visit: Visit) -> str:
        _, user = self._who(visit.request)
        totp = self._authenticators.new(user.name, self._gateway.token(ENTROPY_BYTES), self._gateway.now())
        await self._gateway.execute(change.OfferApp(user=user.name, totp=totp))
        return f"{YOUR_ACCOUNT}#app"

    async def _confirm_app(self, visit: Visit) -> Response:
        _, user = self._who(visit.request)
        access = await self._sessions.access(user.name)
        totp = access.totp
        if totp is None or totp.confirmed:
            raise NotForThem
        step = self._authenticators.step_of(user.name, totp, visit.form.text("code"), self._gateway.now())
        if step is None:
            visit.form.errors["code"] = visit.words.say("This is not the code that the app shows now.")
            raise Unfit
        codes, digests = self._recovery_codes(user)
        command = change.ConfirmApp(user=user.name, seed=totp.seed, step=step, recovery=digests)
        await self._do(visit, user, command)
        return await self._page(visit, codes)

    async def _new_recovery_codes(self, visit: Visit) -> Response:
        _, user = self._who(visit.request)
        await self._confirmed(visit, user)
        codes, digests = self._recovery_codes(user)
        await self._do(visit, user, change.NewRecoveryCodes(user=user.name, recovery=digests))
        return await self._page(visit, codes)

    async def _remove_app(self, visit: Visit) -> str:
        _, user = self._who(visit.request)
        await self._confirmed(visit, user)
        await self._do(visit, user, change.RemoveApp(user=user.name))
        return YOUR_ACCOUNT

    async def _name_passkey(self, visit: Visit) -> str:
        _, user = self._who(visit.request)
        name = visit.form.text("name")[:LONGEST_NAME]
        await self._do(visit, user, change.NamePasskey(user=user.name, id=visit.form.text("id"), name=name))
        return f"{YOUR_ACCOUNT}#passkeys"

    async def _remove_passkey(self, visit: Visit) -> str:
        _, user = self._who(visit.request)
        await self._confirmed(visit, user)
        await self._do(visit, user, change.RemovePasskey(user=user.name, id=visit.form.text("id")))
        return f"{YOUR_ACCOUNT}#passkeys"

    async def _end_session(self, visit: Visit) -> str:
        _, user = self._who(visit.request)
        if identifier := visit.form.text("id"):
            await self._do(visit, user, change.EndSessions(user=user.name, id=identifier))
        return f"{YOUR_ACCOUNT}#sessions"

    async def _end_others(self, visit: Visit) -> str:
        visitor, user = self._who(visit.request)
        await self._do(visit, user, change.EndSessions(user=user.name, id=visitor.session.id, others=True))
        return f"{YOUR_ACCOUNT}#sessions"

    async def _picture(self, request: Request) -> Response:
        """The offered app's seed as a QR code."""
        try:
            _, user = self._who(request)
        except NotForThem:
            return JSONResponse({"error": "nobody is logged in"}, 404)
        access = await self._sessions.access(user.name)
        if access.totp is None or access.totp.confirmed:
            return JSONResponse({"error": "no app is offered"}, 404)
        host = public_address(request).partition("://")[2]
        picture = await asyncio.to_thread(self._authenticators.picture, user.name, access.totp, host)
        return Response(picture, media_type="image/svg+xml")

    async def _ask_passkey(self, request: Request) -> Response:
        _, user = self._who(request)
        access = await self._sessions.access(user.name)
        challenge = self._gateway.token(passkeys.CHALLENGE_BYTES)
        options = await asyncio.to_thread(passkeys.creation_options, request, user.name, access, challenge)
        response = JSONResponse(options)
        give_challenge(self._tickets, request, response, challenge)
        return response

    async def _add_passkey(self, request: Request) -> Response:
        _, user = self._who(request)
        try:
            sent = _JSON.decode(await request.body())
            name, answer = str(sent["name"]).strip()[:LONGEST_NAME], sent["answer"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
            return JSONResponse({"error": "no such JSON object"}, 400)
        now = self._gateway.now()
        try:
            challenge = shown_challenge(self._tickets, request)
            passkey = await asyncio.to_thread(passkeys.created, request, answer, challenge, name, now)
            await self._gateway.execute(UseOnce("challenge", passkeys.digest_of(challenge), now))
            author = author_of(self._gateway, request, user, "add_passkey")
            command = change.AddPasskey(user=user.name, passkey=passkey)
            await author.execute(command, user.customer_of, f"user {user.name}", {"name": name})
        except passkeys.Unproven:
            return JSONResponse({"error": "this passkey proves nothing"}, 422)
        except Refused as refused:
            return JSONResponse({"error": refused.detail}, 422)
        return JSONResponse({"next": f"{YOUR_ACCOUNT}#passkeys"})

    def _who(self, request: Request) -> tuple[Visitor, User]:
        """Raises NotForThem where nobody is logged in, as at the machine of a demo."""
        visitor = self._doorman.visitor(request)
        user = self._users().get(visitor.user) if visitor is not None else None
        if visitor is None or user is None:
            raise NotForThem
        return visitor, user

    async def _confirmed(self, visit: Visit, user: User, field: str = "confirm") -> None:
        """Whoever finds an open browser is not its owner: the password is asked once more. Raises Unfit."""
        whose = self._tries.of_second(user.name)
        if await self._tries.begin(whose):
            visit.form.errors[field] = visit.words.say("Too many wrong passwords. Try again later.")
            raise Unfit
        if not await self._passwords.matches(user.password_hash, visit.form.values.get(field, "")):
            visit.form.errors[field] = visit.words.say("This is not your password.")
            raise Unfit
        await self._tries.succeeded(whose)

    async def _do(self, visit: Visit, user: User, command: change.OfUser) -> None:
        """A change of what they show, which the audit log tells."""
        author = author_of(self._gateway, visit.request, user, visit.form.do)
        await author.execute(command, user.customer_of, f"user {user.name}")

    def _recovery_codes(self, user: User) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """New codes, and what is kept of them."""
        codes = self._authenticators.recovery_codes(self._gateway.token(RECOVERY_ENTROPY_BYTES))
        return codes, tuple(self._authenticators.recovery_digest(user.name, one) for one in codes)
