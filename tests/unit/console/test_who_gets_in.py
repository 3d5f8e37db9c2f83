"""Every route of the console, asked by everybody who could ask: the table below says who gets in."""

import re
from collections.abc import Iterator

import pytest
from starlette.routing import Route

from onema.console.door.openid import OpenIdClient, Provider
from onema.console.operate.sections import SECTIONS
from onema.domain.configuration import documents as doc

from .desk import USERS, Desk, MemoryInbox, OneCall
from .issuer import CLIENT, Issuer
from .office import OURS, Office

_HASH = USERS[0].password_hash
PEOPLE = {
    "owner": doc.User(name="lan", password_hash=_HASH, role="owner"),
    "operator": doc.User(name="op", password_hash=_HASH, role="operator"),
    "viewer": doc.User(name="mai", password_hash=_HASH, role="viewer"),
    "admin": doc.User(name="an", password_hash=_HASH, role="admin", customer_of="acme"),
    "developer": doc.User(name="hoa", password_hash=_HASH, role="developer", customer_of="acme"),
    "customer viewer": doc.User(name="vy", password_hash=_HASH, role="viewer", customer_of="acme"),
    "stranger": doc.User(name="xa", password_hash=_HASH, role="admin", customer_of="rival"),
}
NOBODY = "nobody"
EVERYBODY = {NOBODY, *PEOPLE}
LOGGED_IN = {*PEOPLE}
INSTALLATION = {"owner", "operator", "viewer"}
OPERATORS = {"owner", "operator"}

TABLE: tuple[tuple[str, set[str]], ...] = (
    (r"/", EVERYBODY),
    (r"/static/.*", EVERYBODY),
    (r"/login(/.*)?", EVERYBODY),
    (r"/logout", EVERYBODY),
    (r"/welcome/.*", EVERYBODY),
    (r"/sign-up", EVERYBODY),
    (r"/console/?", LOGGED_IN),
    (r"/console/you(/.*)?", LOGGED_IN),
    (r"/console/system/audit", INSTALLATION | {"admin", "stranger"}),
    *((rf"{section.address}(/.*)?", INSTALLATION) for section in SECTIONS if not section.for_customers),
    (r"/console/.*", LOGGED_IN),
    (r"/handset(/.*)?", OPERATORS),
)
"""Who gets in, by the first pattern that a path matches. What those who get in may do there the permissions say."""
# What leads from a path that people type to the page, whoever types it.
_LEADS_ON = {"/login/", "/console/", "/handset/"}


def who_gets_in(path: str) -> set[str]:
    return next(who for pattern, who in TABLE if re.fullmatch(pattern, path))


def asked(desk: Desk) -> Iterator[tuple[str, str]]:
    """(method, path) of every route, with something where a path has a gap."""
    for route in desk.routes:
        assert isinstance(route, Route)
        path = re.sub(r"{\w+:int}", "1", route.path)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, re.sub(r"{\w+}", "x", path)


@pytest.fixture
async def whole(office: Office) -> Office:
    await office.core.configure(*PEOPLE.values())
    await office.send("acme", OURS)
    provider = OpenIdClient(
        Provider(
            issuer="https://issuer.example", client_id=CLIENT, title="x", scopes=("openid",), claim="email"
        ),
        Issuer(now=office.core.clock.now),
        office.core.clock.now,
    )
    office.desk = office.desk_with(inbox=MemoryInbox(), calls=OneCall(7), signs_up=True, provider=provider)
    return office


@pytest.mark.parametrize("who", sorted(EVERYBODY))
async def test_who_gets_in(whole: Office, who: str) -> None:
    """Nobody is sent to the login or hears 401; who is logged in and has no business there finds nothing."""
    desk = whole.desk
    walked = 0
    for method, path in asked(desk):
        if path in _LEADS_ON or "events" in path or path.endswith("/live"):
            continue
        desk.headers.pop("cookie", None)
        if who != NOBODY:
            await desk.log_in(PEOPLE[who].name)
        answer = await (desk.get(path) if method == "GET" else desk.post(path))
        out = answer.status in (401, 403) or (
            answer.headers.get("location") == "/login" and path != "/logout"
        )
        nothing = answer.status == 404
        if who in who_gets_in(path):
            assert not out or path.startswith(("/login", "/console/you/passkey")), (
                method,
                path,
                answer.status,
            )
        elif who == NOBODY:
            assert out, (method, path, answer.status)
        else:
            assert out or nothing, (method, path, answer.status)
        walked += 1
    assert walked > 25


@pytest.mark.parametrize("who", sorted(PEOPLE))
async def test_no_form_is_taken_without_the_token_of_its_session(whole: Office, who: str) -> None:
    """Of every POST below /console: neither without one, nor with another session's."""
    desk = whole.desk
    await desk.log_in(PEOPLE[who].name)
    other = desk.form_token
    await desk.log_in(PEOPLE[who].name)
    posts = [path for method, path in asked(desk) if method == "POST" and path.startswith("/console")]
    assert posts
    for path in posts:
        for token in ("", "x", other):
            answer = await desk.post(path, {"token": token, "do": "invite"}, x_form_token=token)
            assert answer.status == 403, (path, token)
        elsewhere = await desk.post(path, origin="https://evil.example", x_form_token=desk.form_token)
        assert elsewhere.status == 403, path


async def test_no_post_is_taken_from_another_site(whole: Office) -> None:
    """Of all of them: those before a login have no session whose token they could carry."""
    desk = whole.desk
    await desk.log_in()
    for method, path in asked(desk):
        if method == "POST":
            answer = await desk.post(path, origin="https://evil.example")
            assert answer.status == 403, path


async def test_a_stranger_of_another_account_sees_nothing_of_it(whole: Office) -> None:
    """On no page, whatever account the address names."""
    desk = whole.desk
    await desk.log_in(PEOPLE["stranger"].name)
    for method, path in asked(desk):
        if method == "GET" and path.startswith("/console") and "live" not in path:
            for query in ("", "?account=acme", f"?account=acme&phone={OURS}"):
                page = (await desk.get(path + query)).body
                assert b"ACME" not in page, path
                assert OURS.encode() not in page, path
                assert b"hoa" not in page, path
