"""Logging in by the word of an OpenID Connect provider: docs/decisions/0053-login-providers.md."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest

from onema.administration.people_requests import InviteUser
from onema.administration.permissions import ITSELF
from onema.console.door.openid import OpenIdClient, Provider
from onema.domain.configuration import documents as doc
from onema.secret import Secret

from .desk import USERS, Answer, Desk
from .issuer import CLIENT, NEXT_KEY, SECRET, STRANGERS_KEY, Claims, Issuer
from .office import Office
from .test_second_factor import STEP, add_app, code

LAN = doc.User(name="lan@example.com", password_hash=USERS[0].password_hash, role="operator")
Sign = Callable[[Claims], str]


class Doorway:
    """A console, its provider, and a browser between them."""

    def __init__(self, office: Office, issuer: Issuer, **options: Any) -> None:
        self.office, self.issuer = office, issuer
        self.desk = self.another(**options)

    def another(
        self, claim: str = "email", secret: str = SECRET, role: doc.UserRole | None = None, **options: Any
    ) -> Desk:
        """Another process of the same installation."""
        provider = Provider(
            issuer=self.issuer.url,
            client_id=CLIENT,
            client_secret=Secret(secret),
            title="Example Staff",
            scopes=("openid", "email"),
            claim=claim,
        )
        client = OpenIdClient(provider, self.issuer, self.office.core.clock.now)
        desk = self.office.desk_with(provider=client, provider_role=role, **options)
        desk.client = ("203.0.113.80", 5000)
        return desk

    async def start(self) -> str:
        """Where the provider sends the browser back to."""
        answer = await self.desk.get("/login/provider")
        assert answer.status == 303, answer.text
        self.desk.keep(answer)
        return self.issuer.approve(answer.headers["location"])

    async def finish(self, back: str) -> Answer:
        answer = await self.desk.get(back)
        self.desk.keep(answer)
        return answer

    async def log_in(self) -> Answer:
        self.desk.headers.pop("cookie", None)
        return await self.finish(await self.start())

    async def is_in(self) -> bool:
        return (await self.desk.get("/console/you")).status == 200


@pytest.fixture
async def doorway(office: Office) -> Doorway:
    await office.core.configure(LAN)
    return Doorway(office, Issuer(now=office.core.clock.now))


async def test_who_the_provider_knows_comes_in(doorway: Doorway) -> None:
    """By the button of the login page, with PKCE and nonce, which the provider insists on; the audit log says how."""
    assert 'href="/login/provider"' in (await doorway.desk.get("/login")).text
    assert "Log in with Example Staff" in (await doorway.desk.get("/login")).text
    answer = await doorway.log_in()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert await doorway.is_in()
    entries = await doorway.office.core.storage.read_audit(None, (2**63 - 1, 2**31 - 1), 10)
    assert [one.what for one in entries[:2]] == ["log_in", "show_subject"]
    assert b'"shown":"provider"' in entries[0].after
    assert (entries[0].actor, entries[0].address) == ("lan@example.com", "203.0.113.80")


async def test_another_process_finishes_what_one_began(doorway: Doorway) -> None:
    """What a login is recognized by is in the browser, and signed."""
    back = await doorway.start()
    other = doorway.another()
    other.headers["cookie"] = doorway.desk.headers["cookie"]
    assert (await other.get(back)).status == 303


@pytest.mark.parametrize(("method", "secret"), [("client_secret_post", SECRET), ("none", "")])
async def test_the_client_shows_itself_as_the_provider_asks(office: Office, method: str, secret: str) -> None:
    """In the form, or not at all where it has no secret."""
    await office.core.configure(LAN)
    issuer = Issuer(now=office.core.clock.now)
    issuer.auth_method = method
    assert (await Doorway(office, issuer, secret=secret).log_in()).status == 303


def forged(**claims: Any) -> Callable[[Claims], Claims]:
    return lambda true: {name: value for name, value in {**true, **claims}.items() if value is not None}


@pytest.mark.parametrize(
    "forge",
    [
        forged(nonce="another"),
        forged(nonce=None),
        forged(aud="another-client"),
        forged(aud=None),
        forged(aud=[CLIENT, "another-client"]),
        forged(aud=[CLIENT, "another-client"], azp="another-client"),
        forged(azp="another-client"),
        forged(iss="https://other.example"),
        forged(iss=None),
        forged(exp=1_700_000_000),
        forged(exp=None),
        forged(exp="tomorrow"),
        forged(iat=1_900_000_000),
        forged(nbf=1_900_000_000),
        forged(sub=None),
        forged(email=""),
        forged(email=["lan@example.com"]),
        forged(email_verified=False),
        forged(email_verified="true"),
        forged(email_verified=None),
    ],
)
async def test_a_token_that_says_something_else_lets_nobody_in(
    doorway: Doorway, forge: Callable[[Claims], Claims]
) -> None:
    """Nonce, audience, issuer, times and the address: each is looked at."""
    doorway.issuer.forge = forge
    answer = await doorway.log_in()
    assert (answer.status, "does not say who you are" in answer.text) == (401, True)
    assert not await doorway.is_in()


def _unsigned(claims: Claims) -> str:
    return jwt.encode(claims, "", "none")


def _with_our_secret(claims: Claims) -> str:
    return jwt.encode(claims, SECRET.ljust(32, "x"), "HS256", headers={"kid": "first"})


def _by_a_stranger(claims: Claims) -> str:
    return jwt.encode(claims, STRANGERS_KEY, "RS256", headers={"kid": "first"})


def _by_a_key_that_nobody_published(claims: Claims) -> str:
    return jwt.encode(claims, NEXT_KEY, "ES256", headers={"kid": "second"})


@pytest.mark.parametrize(
    "sign",
    [
        _unsigned,
        _with_our_secret,
        _by_a_stranger,
        _by_a_key_that_nobody_published,
        lambda claims: "x.y.z",
        lambda claims: "",
    ],
)
async def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(doorway: Doorway, sign: Sign) -> None:
    """Neither unsigned, nor with a secret or key that is not one of its published ones."""
    doorway.issuer.sign = sign
    assert (await doorway.log_in()).status == 401
    assert not await doorway.is_in()


async def test_keys_may_be_rolled_over(doorway: Doorway) -> None:
    """A key that is not known yet is asked for; known ones are not asked for again."""
    assert (await doorway.log_in()).status == 303
    assert (await doorway.log_in()).status == 303
    assert doorway.issuer.asked.count("/keys") == 1
    doorway.issuer.keys["second"] = NEXT_KEY
    doorway.issuer.sign = lambda claims: jwt.encode(claims, NEXT_KEY, "ES256", headers={"kid": "second"})
    assert (await doorway.log_in()).status == 303
    assert doorway.issuer.asked.count("/keys") == 2


def changed(back: str, **query: str) -> str:
    parts = urlsplit(back)
    return f"{parts.path}?{urlencode(dict(parse_qsl(parts.query)) | query)}"


@pytest.mark.parametrize("query", [{"state": "x"}, {"state": ""}, {"state": "é"}])
async def test_an_answer_with_another_state_lets_nobody_in(doorway: Doorway, query: dict[str, str]) -> None:
    """And nobody takes its code to the provider."""
    back = await doorway.start()
    assert (await doorway.finish(changed(back, **query))).status == 401
    assert "/token" not in doorway.issuer.asked


async def test_an_answer_in_another_browser_lets_nobody_in(doorway: Doorway) -> None:
    """Whoever sends somebody else a link with their own code logs nobody in as themselves."""
    back = await doorway.start()
    doorway.desk.headers.pop("cookie")
    assert (await doorway.finish(back)).status == 401
    assert "/token" not in doorway.issuer.asked


async def test_a_login_is_finished_once(doorway: Doorway) -> None:
    """The same answer again is worth nothing, here as at the provider, which takes a code once."""
    back = await doorway.start()
    assert (await doorway.finish(back)).status == 303
    assert (await doorway.finish(back)).status == 401
    assert doorway.issuer.asked.count("/token") == 1
    again = await doorway.start()
    assert (
        await doorway.finish(changed(again, code=dict(parse_qsl(urlsplit(back).query))["code"]))
    ).status == 401
    assert doorway.issuer.last_error == "invalid_grant"


async def test_a_code_is_worth_nothing_without_its_verifier(doorway: Doorway) -> None:
    """One that was stolen on its way, and is shown by another login."""
    stolen = dict(parse_qsl(urlsplit(await doorway.start()).query))["code"]
    doorway.desk.headers.pop("cookie")
    back = await doorway.start()
    assert (await doorway.finish(changed(back, code=stolen))).status == 401
    assert doorway.issuer.last_error == "invalid_grant"


async def test_an_answer_too_late_lets_nobody_in(doorway: Doorway) -> None:
    """After five minutes."""
    back = await doorway.start()
    doorway.office.core.clock.advance(301)
    assert (await doorway.finish(back)).status == 401


async def test_an_answer_of_another_issuer_lets_nobody_in(doorway: Doorway) -> None:
    """RFC 9207: `iss` is looked at where it comes, and missed where the provider promised it."""
    back = await doorway.start()
    assert (await doorway.finish(changed(back, iss="https://other.example"))).status == 401
    doorway.issuer.metadata = {"authorization_response_iss_parameter_supported": True}
    doorway.desk = doorway.another()
    back = await doorway.start()
    assert (await doorway.finish(back)).status == 401
    back = await doorway.start()
    assert (await doorway.finish(changed(back, iss=doorway.issuer.url))).status == 303


async def test_whoever_says_no_at_the_provider_is_not_in(doorway: Doorway) -> None:
    """Its error comes back instead of a code."""
    back = await doorway.start()
    answer = await doorway.finish(changed(back, error="access_denied"))
    assert (answer.status, "<form" in answer.text) == (401, True)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://issuer.example/token"},
        {"userinfo_endpoint": "http://issuer.example/me"},
        {"jwks_uri": None},
    ],
)
async def test_metadata_that_do_not_fit_are_not_used(doorway: Doorway, metadata: Claims) -> None:
    """Of another issuer, without TLS, without keys."""
    doorway.issuer.metadata = metadata
    answer = await doorway.desk.get("/login/provider")
    assert (answer.status, "log in with a password" in answer.text) == (503, True)


async def test_a_provider_that_is_away_leaves_the_password(doorway: Doorway) -> None:
    """Before and after the browser was there; then it works again."""
    back = await doorway.start()
    doorway.issuer.away = True
    assert (await doorway.finish(back)).status == 503
    doorway.desk = doorway.another()
    assert (await doorway.desk.get("/login/provider")).status == 503
    assert (await doorway.desk.log_in("lan@example.com")).status == 303
    doorway.issuer.away = False
    assert (await doorway.log_in()).status == 303


async def test_whom_nobody_knows_does_not_come_in(doorway: Doorway) -> None:
    """The page says under which name they could be invited."""
    doorway.issuer.user = {"sub": "8", "email": "new@example.com", "email_verified": True}
    answer = await doorway.log_in()
    assert (answer.status, "new@example.com" in answer.text) == (403, True)
    assert doorway.office.document(doc.User, "new@example.com") is None


async def test_whom_an_invitation_names_becomes_what_it_says(doorway: Doorway) -> None:
    """Once: the link is used with that."""
    office = doorway.office
    invited = await office.administration.answer(
        InviteUser(role="developer", account="acme", name="new@example.com"), ITSELF
    )
    doorway.issuer.user = {"sub": "8", "email": "New@Example.com", "email_verified": True}
    assert (await doorway.log_in()).status == 303
    made = office.document(doc.User, "new@example.com")
    assert made is not None
    assert (made.role, made.customer_of) == ("developer", "acme")
    assert (await doorway.desk.get(f"/welcome/{invited.token}")).status == 410
    assert (await doorway.log_in()).status == 303


async def test_an_operators_invitation_comes_before_a_customers(doorway: Doorway) -> None:
    """No customer makes one of its own people of somebody whom the operators expect."""
    office = doorway.office
    for invited in (
        InviteUser(role="operator", name="new@example.com"),
        InviteUser(role="viewer", account="acme", name="new@example.com"),
    ):
        await office.administration.answer(invited, ITSELF)
        office.core.clock.advance(1)
    doorway.issuer.user = {"sub": "8", "email": "new@example.com", "email_verified": True}
    assert (await doorway.log_in()).status == 303
    made = office.document(doc.User, "new@example.com")
    assert made is not None
    assert (made.role, made.customer_of) == ("operator", "")


async def test_everybody_of_the_provider_may_come_where_a_role_is_set(office: Office) -> None:
    """As that; under a name that a user can have."""
    doorway = Doorway(office, Issuer(now=office.core.clock.now), role="viewer")
    assert (await doorway.log_in()).status == 303
    made = office.document(doc.User, "lan@example.com")
    assert made is not None
    assert (made.role, made.customer_of) == ("viewer", "")
    doorway.issuer.user = {"sub": "9", "email": "no name@example.com", "email_verified": True}
    assert (await doorway.log_in()).status == 403


async def test_a_name_that_is_given_to_somebody_else_lets_them_not_in(doorway: Doorway) -> None:
    """Addresses are given anew, subjects are not; `onema user reset` lets the next one in."""
    assert (await doorway.log_in()).status == 303
    doorway.issuer.user = {**doorway.issuer.user, "sub": "8"}
    assert (await doorway.log_in()).status == 403
    assert not await doorway.is_in()


async def test_who_is_inactive_does_not_come_in(doorway: Doorway) -> None:
    """Whatever the provider says."""
    await doorway.office.core.configure(
        doc.User(name=LAN.name, password_hash=LAN.password_hash, state="inactive")
    )
    assert (await doorway.log_in()).status == 403


async def test_another_claim_may_be_the_name(office: Office) -> None:
    """Also one that is at the user info alone, if that is about the same subject."""
    issuer = Issuer(now=office.core.clock.now)
    issuer.user = {"sub": "7", "preferred_username": "tam"}
    issuer.only_at_user_info = frozenset(("preferred_username",))
    doorway = Doorway(office, issuer, claim="preferred_username")
    assert (await doorway.log_in()).status == 303
    issuer.forge = forged(sub="8")
    assert (await doorway.log_in()).status == 401


async def test_a_second_factor_is_asked_for_after_the_providers_word(doorway: Doorway) -> None:
    """As after a password."""
    office = doorway.office
    await office.desk.log_in("lan@example.com")
    app, _ = await add_app(office)
    office.core.clock.advance(STEP)
    answer = await doorway.log_in()
    assert answer.headers["location"] == "/login/second"
    assert not await doorway.is_in()
    answer = await doorway.desk.post("/login/second", {"code": code(office, app)})
    doorway.desk.keep(answer)
    assert await doorway.is_in()
    access = await doorway.desk.sessions.access("lan@example.com")
    assert access.sessions[-1].shown == "provider and code"


async def test_answers_that_prove_nobody_wait_as_wrong_passwords_do(doorway: Doorway) -> None:
    """Five from an address; then the provider is not even asked."""
    doorway.issuer.forge = forged(nonce="another")
    for _ in range(5):
        assert (await doorway.log_in()).status == 401
    answer = await doorway.log_in()
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert doorway.issuer.asked.count("/token") == 5


async def test_a_session_by_the_provider_is_ended_like_any_other(doorway: Doorway) -> None:
    """By a logout, and by the user's end."""
    await doorway.log_in()
    await doorway.desk.post("/logout")
    assert not await doorway.is_in()
    await doorway.log_in()
    assert await doorway.is_in()
    await doorway.office.core.configure(
        doc.User(name=LAN.name, password_hash=LAN.password_hash, role="operator", state="inactive")
    )
    assert not await doorway.is_in()


async def test_what_a_browser_keeps_does_not_tell_what_proves_the_login(doorway: Doorway) -> None:
    """Nonce, state and verifier are in no cookie."""
    back = await doorway.start()
    asked = dict(parse_qsl(urlsplit(back).query))
    jar = await _ticket(doorway)
    assert asked["state"] not in jar
    assert "state" not in jar


async def _ticket(doorway: Doorway) -> str:
    cookie = doorway.desk.headers["cookie"].split("onema_provider=")[1]
    return jwt.utils.base64url_decode(cookie.strip('"').split(".")[0].rstrip("=")).decode()
