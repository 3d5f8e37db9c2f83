import argon2
import pytest

from onema.console.door.passwords import NOBODYS_HASH
from onema.domain.configuration.documents import User
from onema.domain.people.access import SESSION_MS

from .desk import PASSWORD, Desk, MemoryInbox, OneCall

FOREIGN = "203.0.113.9"


def test_nobodys_hash_costs_what_a_users_hash_costs() -> None:
    """Otherwise the time of the answer would tell which names exist."""
    defaults = argon2.PasswordHasher()
    found = argon2.extract_parameters(NOBODYS_HASH)
    assert (found.time_cost, found.memory_cost, found.parallelism) == (
        defaults.time_cost,
        defaults.memory_cost,
        defaults.parallelism,
    )


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost", "LOCALHOST:1", "[::1]:8400"])
@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_needs_no_login_in_demo_mode(client: str, host: str) -> None:
    """Loopback in all its spellings."""
    desk = Desk(inbox=MemoryInbox())
    desk.client = (client, 1)
    assert (await desk.get("/handset/messages", host=host)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8400"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": ""},
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
async def test_rebound_names_and_proxies_do_not_count_as_this_machine(headers: dict[str, str]) -> None:
    """A page elsewhere whose name resolves to us, or anyone behind a proxy on this machine."""
    answer = await Desk(inbox=MemoryInbox()).get("/handset/messages", **headers)
    assert (answer.status, answer.json()) == (401, {"error": "login required"})


@pytest.mark.parametrize("client", [(FOREIGN, 1), ("not an address", 1), None])
async def test_other_machines_need_a_login(client: tuple[str, int] | None) -> None:
    """People are sent to the form, scripts get 401."""
    desk = Desk(inbox=MemoryInbox())
    desk.client = client
    page = await desk.get("/handset")
    assert (page.status, page.headers["location"]) == (303, "/login")
    for path in ("/handset/messages", "/handset/events", "/handset/audio/1.wav", "/handset/peaks/1.json"):
        assert (await desk.get(path)).status == 401


async def test_outside_demo_mode_this_machine_needs_a_login_too() -> None:
    """open_on_loopback is a choice."""
    assert (await Desk(inbox=MemoryInbox(), open_on_loopback=False).get("/handset/messages")).status == 401


async def test_a_login_opens_the_handset_until_logout() -> None:
    """The cookie is all that counts, from anywhere; a logout takes it away."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    desk.client = (FOREIGN, 1)
    answer = await desk.log_in()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert (await desk.get("/handset/messages")).status == 200
    assert "Log out" in (await desk.get("/handset")).text
    assert (await desk.get("/login")).status == 303
    assert 'onema_session=""' in (await desk.post("/logout")).headers["set-cookie"]


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(scheme: str, secure: bool) -> None:
    """HttpOnly, SameSite, and Secure wherever the connection is."""
    desk = Desk(inbox=MemoryInbox())
    desk.scheme = scheme
    attributes = (await desk.log_in()).headers["set-cookie"].lower().split("; ")
    assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
    assert ("secure" in attributes) is secure


@pytest.mark.parametrize("path", ["/login/", "/handset/"])
async def test_a_redirect_stays_on_the_host_that_was_asked(path: str) -> None:
    """Whatever the Host header says: it comes from the client, and a cache may keep the answer for others."""
    answer = await Desk(inbox=MemoryInbox()).get(path, host="evil.example")
    assert (answer.status, answer.headers["location"]) == (307, path.rstrip("/"))


async def test_only_the_pages_that_people_type_lead_on_without_their_slash() -> None:
    """A general rule would have to build addresses from what strangers send."""
    for path in ("/nothing/", "/handset/messages/", "//evil.example/"):
        answer = await Desk(inbox=MemoryInbox()).get(path, host="evil.example")
        assert (answer.status, answer.headers.get("location")) == (404, None)


async def test_a_logout_ends_every_copy_of_the_cookie() -> None:
    """What was copied before is worth nothing afterwards, and the next login is a session of its own."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    await desk.log_in()
    copied = desk.headers["cookie"]
    await desk.post("/logout")
    assert (await desk.get("/handset/messages", cookie=copied)).status == 401
    await desk.log_in()
    assert (await desk.get("/handset/messages")).status == 200
    assert (await desk.get("/handset/messages", cookie=copied)).status == 401


async def test_a_logout_of_a_stranger_ends_nobodys_session() -> None:
    """Who proves no session cannot end one."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    await desk.log_in()
    for cookie in ("", "onema_session=x.y"):
        assert (await desk.post("/logout", cookie=cookie)).status == 303
    assert (await desk.get("/handset/messages")).status == 200


async def test_a_name_that_nobody_can_have_is_not_remembered() -> None:
    """What is kept of failed logins is bounded by names, so names are bounded; nothing comes back in the form."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    for _ in range(6):
        answer = await desk.log_in("x" * 201, "wrong")
        assert (answer.status, "xxx" in answer.text) == (401, False)
    assert (await desk.log_in("x" * 200, "wrong")).status == 401


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"name=lan&password=" + PASSWORD.encode(), "application/x-www-form-urlencoded", 303),
        (
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nlan\r\n'
            b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n'
            + PASSWORD.encode()
            + b"\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
            401,
        ),
        (b"name=%FF&password=x", "application/x-www-form-urlencoded", 400),
        (b"name=lan&password=%00", "application/x-www-form-urlencoded", 400),
    ],
)
async def test_the_login_form_is_read_as_its_page_sends_it(
    body: bytes, content_type: str, status: int
) -> None:
    """In UTF-8, and not in an encoding of the sender's choice, some of which take long to read."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    assert (await desk.post_bytes("/login", body, content_type)).status == status


@pytest.mark.parametrize(
    ("forwarded", "origin", "status"),
    [
        ("otp.example.com", "https://otp.example.com", 303),
        ("OTP.example.com:8443", "https://otp.example.com:8443", 303),
        ("otp.example.com", "https://evil.example", 403),
        ("otp.example.com", "http://127.0.0.1:8400", 303),
        ("", "null", 403),
        ("null", "null", 403),
        ("otp.example.com", "https://[", 403),
    ],
)
async def test_the_host_that_a_trusted_proxy_was_asked_for_is_ours_too(
    forwarded: str, origin: str, status: int
) -> None:
    """Beside the Host header, which proxies keep or replace."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    desk.forwarded_host = forwarded
    answer = await desk.post("/login", {"name": "lan", "password": PASSWORD}, origin=origin)
    assert answer.status == status


async def test_a_session_ends_after_twelve_hours() -> None:
    """However long the browser keeps the cookie."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    await desk.log_in()
    desk.clock.advance(SESSION_MS / 1000 - 1)
    assert (await desk.get("/handset/messages")).status == 200
    desk.clock.advance(1)
    assert (await desk.get("/handset/messages")).status == 401


@pytest.mark.parametrize(
    "users",
    [
        (),
        (User(name="lan", password_hash="$argon2id$another"),),
    ],
)
async def test_a_removed_user_or_a_new_password_ends_the_session(users: tuple[User, ...]) -> None:
    """At once, although sessions are kept nowhere."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    await desk.log_in()
    desk.directory.know(*users)
    assert (await desk.get("/handset/messages")).status == 401


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "W10.x", "é.é", "WyJsYW4iLDk5OTk5OTk5OTk5OTk5XQ==.AAAA"])
async def test_a_forged_cookie_proves_nothing(cookie: str) -> None:
    """Malformed, or well-formed without our signature."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    assert (await desk.get("/handset/messages", cookie=f"onema_session={cookie}")).status == 401


@pytest.mark.parametrize(
    ("name", "password"), [("lan", "wrong"), ("nobody", "wrong"), ("", ""), ("lan", "x" * 9_000)]
)
async def test_wrong_names_and_passwords_get_the_same_answer(name: str, password: str) -> None:
    """Nothing tells which of the two was wrong, and the name comes back escaped."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    answer = await desk.log_in(name, password)
    assert answer.status == 401
    assert "do not match" in answer.text
    assert "set-cookie" not in answer.headers


async def test_an_inactive_user_cannot_log_in() -> None:
    """Although the password is right."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    lan = desk.directory.directory.users["lan"]
    desk.directory.know(User(name="lan", password_hash=lan.password_hash, state="inactive"))
    assert (await desk.log_in()).status == 401


async def test_the_name_is_escaped_in_the_form() -> None:
    """It comes from a stranger."""
    answer = await Desk(inbox=MemoryInbox(), open_on_loopback=False).log_in(
        '"><script>alert(1)</script>', "x"
    )
    assert "<script>" not in answer.text


async def test_after_five_failures_an_address_must_wait() -> None:
    """Even with the right password, and for twice as long after the next failure."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    desk.client = (FOREIGN, 1)
    for number in range(5):
        assert (await desk.log_in(f"user-{number}", "wrong")).status == 401
    blocked = await desk.log_in()
    assert (blocked.status, blocked.headers["retry-after"]) == (429, "30")
    desk.client = ("198.51.100.7", 1)
    assert (await desk.log_in()).status == 303
    desk.client = (FOREIGN, 1)
    desk.clock.advance(30)
    assert (await desk.log_in("user-9", "wrong")).status == 401
    assert (await desk.log_in()).headers["retry-after"] == "60"


async def test_after_five_failures_a_name_must_wait_a_little() -> None:
    """Guesses from many addresses are slowed down; the owner never waits longer than a minute."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    for number in range(5):
        desk.client = (f"198.51.100.{number}", 1)
        await desk.log_in("lan", "wrong")
    desk.client = (FOREIGN, 1)
    assert (await desk.log_in()).headers["retry-after"] == "15"
    desk.clock.advance(60)
    assert (await desk.log_in()).status == 303


async def test_addresses_of_one_ipv6_network_are_one() -> None:
    """Whoever has one address of a /64 has them all."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    for number in range(5):
        desk.client = (f"2001:db8::{number + 1}", 1)
        await desk.log_in(f"user-{number}", "wrong")
    desk.client = ("2001:db8::ffff", 1)
    assert (await desk.log_in()).status == 429


async def test_a_success_forgets_the_failures_before_it() -> None:
    """Four typing errors, then the right password, then four again."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    for _ in range(2):
        for _ in range(4):
            assert (await desk.log_in("lan", "wrong")).status == 401
        assert (await desk.log_in()).status == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
async def test_posts_from_other_sites_are_refused(origin: str) -> None:
    """Logging in, logging out and steering calls."""
    desk = Desk(inbox=MemoryInbox(), calls=OneCall(7))
    for path in ("/login", "/logout", "/handset/calls/7/answer"):
        assert (await desk.post(path, origin=origin)).status == 403
    assert (await desk.post("/handset/calls/7/answer", sec_fetch_site="cross-site")).status == 403


async def test_calls_are_answered_declined_and_keyed() -> None:
    """Our own page, and scripts that name no origin."""
    calls = OneCall(7)
    desk = Desk(inbox=MemoryInbox(), calls=calls)
    assert (await desk.post("/handset/calls/7/answer", origin="http://127.0.0.1:8400")).status == 204
    assert (await desk.post("/handset/calls/7/key?digit=%23")).status == 204
    assert (await desk.post("/handset/calls/7/decline")).status == 204
    assert calls.steps == ["answer", "press #", "decline"]
    assert (await desk.post("/handset/calls/8/answer")).status == 409
    assert (await desk.post(f"/handset/calls/{'9' * 5_000}/answer")).status == 404
    assert (await desk.post("/handset/calls/7/key?digit=12")).status == 400
    assert (await desk.get("/handset/calls/7/answer")).status == 405


async def test_without_call_control_there_is_nothing_to_answer() -> None:
    """Calls are then listed only."""
    assert (await Desk(inbox=MemoryInbox()).post("/handset/calls/7/answer")).status == 404
