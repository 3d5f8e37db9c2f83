"""Authenticator apps, recovery codes, passwords and sessions on the page "Your account": docs/operations/console.md."""

import re
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from onema.console.door.authenticator import Authenticators
from onema.domain.configuration import documents as doc
from onema.domain.people.access import Access

from .desk import PASSWORD, USERS, Answer, Desk
from .office import Office

YOU = "/console/you"
STEP = 30


async def add_app(office: Office) -> tuple[pyotp.TOTP, list[str]]:
    """An app of who is logged in, and its recovery codes; the code that confirmed it is used."""
    assert (await office.desk.post(YOU, {"do": "offer_app"})).status == 303
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", await office.page(YOU))
    assert secret is not None
    app = pyotp.TOTP(secret[1])
    done = await office.desk.post(YOU, {"do": "confirm_app", "code": code(office, app)})
    assert done.status == 200
    return app, re.findall(r"<li><code>([a-z2-9-]{14})</code>", done.text)


def code(office: Office, app: pyotp.TOTP, steps: int = 0) -> str:
    return app.at(office.core.clock.now() // 1000 + steps * STEP)


async def half_in(office: Office, name: str = "lan") -> None:
    """The password is shown."""
    answer = await office.desk.log_in(name)
    assert answer.headers["location"] == "/login/second"


async def second(office: Office, shown: str) -> Answer:
    answer = await office.desk.post("/login/second", {"code": shown})
    office.desk.keep(answer)
    return answer


async def access(office: Office, name: str = "lan") -> Access:
    return await office.desk.sessions.access(name)


async def test_a_code_of_the_app_is_asked_for_after_the_password(office: Office) -> None:
    """The password alone opens nothing; the code does, once."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(STEP)
    await half_in(office)
    assert (await office.desk.get("/console")).headers["location"] == "/login"
    page = await office.page("/login/second")
    assert "authenticator app" in page
    shown = code(office, app)
    assert (await second(office, shown)).headers["location"] == "/"
    await office.page("/console")
    await half_in(office)
    answer = await second(office, shown)
    assert (answer.status, "wrong, or was used" in answer.text) == (401, True)


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 303), (0, 303), (1, 303), (2, 401)])
async def test_a_clock_may_differ_by_one_step(office: Office, steps: int, status: int) -> None:
    """That of the phone, or of who types slowly."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(10 * STEP)
    await half_in(office)
    assert (await second(office, code(office, app, steps))).status == status


@pytest.mark.parametrize("shown", ["", "000000", "abcdef", "１２３４５６", "9" * 500, "\0"])
async def test_what_is_no_code_opens_nothing(office: Office, shown: str) -> None:
    """However it is written."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(10 * STEP)
    await half_in(office)
    if shown != code(office, app):
        assert (await second(office, shown)).status in (400, 401)
        assert (await office.desk.get("/console")).status == 303


async def test_codes_are_not_guessed(office: Office) -> None:
    """After five wrong ones even the right one waits; whoever has not the password makes nobody wait."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(10 * STEP)
    await half_in(office)
    wrong = "111111" if code(office, app) != "111111" else "222222"
    assert [(await second(office, wrong)).status for _ in range(5)] == [401] * 5
    answer = await second(office, code(office, app))
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    office.core.clock.advance(30)
    assert (await second(office, code(office, app))).status == 303


async def test_a_recovery_code_stands_in_for_the_app_once(office: Office) -> None:
    """In whatever letters, with or without dashes; the page says how many are left, the audit log that one was used."""
    await office.desk.log_in()
    _, codes = await add_app(office)
    assert len(set(codes)) == 10
    await half_in(office)
    assert (await second(office, codes[3].upper().replace("-", " "))).status == 303
    assert "9 recovery codes are left" in await office.page(YOU)
    await half_in(office)
    assert (await second(office, codes[3])).status == 401
    entries = await office.core.storage.read_audit(None, (2**63 - 1, 2**63 - 1), 50)
    assert [one.what for one in entries].count("use_recovery_code") == 1


async def test_new_recovery_codes_end_the_old_ones(office: Office) -> None:
    """The password is asked for once more: an open browser is not its owner."""
    await office.desk.log_in()
    _, codes = await add_app(office)
    wrong = await office.desk.post(YOU, {"do": "recovery", "confirm": "wrong"})
    assert (wrong.status, "not your password" in wrong.text) == (422, True)
    assert 'value="wrong"' not in wrong.text
    done = await office.desk.post(YOU, {"do": "recovery", "confirm": PASSWORD})
    fresh = re.findall(r"<li><code>([a-z2-9-]{14})</code>", done.text)
    assert not set(fresh) & set(codes)
    await half_in(office)
    assert (await second(office, codes[0])).status == 401
    assert (await second(office, fresh[0])).status == 303


async def test_an_app_is_removed_with_the_password(office: Office) -> None:
    """Then the password alone lets in again."""
    await office.desk.log_in()
    await add_app(office)
    assert (await office.desk.post(YOU, {"do": "remove_app", "confirm": ""})).status == 422
    assert (await office.desk.post(YOU, {"do": "remove_app", "confirm": PASSWORD})).status == 303
    assert (await office.desk.log_in()).headers["location"] == "/"


async def test_the_picture_says_what_the_secret_says(office: Office) -> None:
    """As a picture of its own, which the strict policy allows; there is none any more once the app counts."""
    await office.desk.log_in()
    assert (await office.desk.get(f"{YOU}/app.svg")).status == 404
    await office.desk.post(YOU, {"do": "offer_app"})
    answer = await office.desk.get(f"{YOU}/app.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    totp = (await access(office)).totp
    assert totp is not None
    said = urlsplit(Authenticators(office.core.keyring).address("lan", totp, "otp.example.com"))
    assert f"<code>{parse_qs(said.query)['secret'][0]}</code>" in await office.page(YOU)
    del office.desk.headers["cookie"]
    assert (await office.desk.get(f"{YOU}/app.svg")).status == 303


async def test_neither_seed_nor_codes_rest_in_clear(office: Office) -> None:
    """Nor are they in the audit log."""
    await office.desk.log_in()
    app, codes = await add_app(office)
    kept = repr(await access(office)) + repr(
        await office.core.storage.read_audit(None, (2**63 - 1, 2**63 - 1), 50)
    )
    assert app.secret not in kept
    assert app.byte_secret().hex() not in kept
    assert not [one for one in codes if one in kept or one.replace("-", "") in kept]


async def test_a_wrong_code_confirms_no_app(office: Office) -> None:
    """And one app is enough."""
    await office.desk.log_in()
    await office.desk.post(YOU, {"do": "offer_app"})
    answer = await office.desk.post(YOU, {"do": "confirm_app", "code": "12345"})
    assert (answer.status, (await access(office)).app) == (422, None)
    await add_app(office)
    assert (await office.desk.post(YOU, {"do": "offer_app"})).status == 422
    assert (await office.desk.post(YOU, {"do": "confirm_app", "code": "123456"})).status == 404


async def test_a_ticket_of_the_first_step_ends(office: Office) -> None:
    """After five minutes, and with the password that it was given for."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(10 * STEP)
    await half_in(office)
    office.core.clock.advance(301)
    assert (await second(office, code(office, app))).headers["location"] == "/login"
    await half_in(office)
    lan = office.core.gateway.directory.users["lan"]
    await office.core.configure(doc.User(name="lan", password_hash=lan.password_hash + "x"))
    assert (await second(office, code(office, app))).headers["location"] == "/login"
    assert (await office.desk.get("/login/second", cookie="onema_step=x.y")).headers["location"] == "/login"


async def test_a_new_password_ends_the_other_sessions(office: Office) -> None:
    """And not this one."""
    await office.desk.log_in()
    other = office.desk.headers["cookie"]
    await office.desk.log_in()
    form = {"do": "password", "current": PASSWORD, "password": "another one", "again": "another one"}
    for wrong in ({"current": "x"}, {"password": "short", "again": "short"}, {"again": "different"}):
        answer = await office.desk.post(YOU, {**form, **wrong})
        assert (answer.status, "another one" in answer.text) == (422, False)
    done = await office.desk.post(YOU, form)
    assert done.status == 303
    office.desk.keep(done)
    await office.page("/console")
    assert (await office.desk.get("/console", cookie=other)).status == 303
    assert len((await access(office)).sessions) == 1
    assert (await office.desk.log_in()).status == 401
    assert (await office.desk.log_in("lan", "another one")).status == 303


async def test_whoever_is_of_an_account_changes_the_own_password_too(office: Office) -> None:
    """And stays what they are."""
    await office.desk.log_in("hoa")
    form = {"do": "password", "current": PASSWORD, "password": "another one", "again": "another one"}
    assert (await office.desk.post(YOU, form)).status == 303
    hoa = office.core.gateway.directory.users["hoa"]
    assert (hoa.role, hoa.customer_of, hoa.password_hash != USERS[2].password_hash) == (
        "developer",
        "acme",
        True,
    )


async def test_sessions_are_listed_and_ended(office: Office) -> None:
    """Each with since when, from where and in which browser; nobody ends another's."""
    await office.desk.log_in("mai")
    (hers,) = (await access(office, "mai")).sessions
    office.desk.client = ("198.51.100.7", 1)
    office.desk.headers["user-agent"] = "Old Browser"
    await office.desk.log_in()
    first = office.desk.headers["cookie"]
    (old,) = (await access(office)).sessions
    office.desk.headers["user-agent"] = "New Browser"
    await office.desk.log_in()
    page = await office.page(YOU)
    assert all(one in page for one in ("198.51.100.7", "Old Browser", "New Browser"))
    await office.desk.post(YOU, {"do": "end", "id": hers.id})
    assert (await access(office, "mai")).sessions == (hers,)
    assert (await office.desk.post(YOU, {"do": "end", "id": old.id})).status == 303
    assert (await office.desk.get("/console", cookie=first)).headers["location"] == "/login"
    await office.desk.log_in()
    await office.desk.post(YOU, {"do": "end_others"})
    assert len((await access(office)).sessions) == 1
    await office.page("/console")


async def test_a_logout_ends_this_session_alone(office: Office) -> None:
    """Its copies too; the other browser goes on."""
    await office.desk.log_in()
    other = office.desk.headers["cookie"]
    await office.desk.log_in()
    copied = office.desk.headers["cookie"]
    await office.desk.post("/logout")
    assert (await office.desk.get("/console", cookie=copied)).status == 303
    assert (await office.desk.get("/console", cookie=other)).status == 200


async def test_logins_and_second_factors_are_in_the_audit_log(office: Office) -> None:
    """With who, from where, and what was shown."""
    await office.desk.log_in()
    app, _ = await add_app(office)
    office.core.clock.advance(STEP)
    await half_in(office)
    await second(office, code(office, app))
    await office.desk.post("/logout")
    entries = await office.core.storage.read_audit(None, (2**63 - 1, 2**63 - 1), 50)
    assert [one.what for one in reversed(entries)] == ["log_in", "confirm_app", "log_in", "log_out"]
    newest = next(one for one in entries if one.what == "log_in")
    assert (newest.actor, newest.subject, newest.address) == ("lan", "user lan", "127.0.0.1")
    assert b"password and code" in newest.after


async def test_who_lacks_a_factor_that_their_role_needs_can_only_get_one(office: Office) -> None:
    """Pages lead to the own account, scripts hear 401; with the factor all is open. Other roles need none."""
    needing = office.desk_with(second_factor=("owner",))
    await needing.log_in("mai")
    assert (await needing.get("/console")).status == 200
    await needing.log_in()
    assert (await needing.get("/console")).headers["location"] == YOU
    assert (await needing.post("/console/people", {"do": "invite"})).headers["location"] == YOU
    page = await needing.get(YOU)
    assert (page.status, "needs a second factor" in page.text) == (200, True)
    office.desk = needing
    await add_app(office)
    assert (await needing.get("/console")).status == 200


async def test_a_strangers_failures_keep_no_owner_out(office: Office) -> None:
    """In a browser in which she was logged in before; a strange one waits, though not for long."""
    await office.desk.log_in()
    hers = office.desk.headers["cookie"].partition("onema_known=")[2].partition(";")[0]
    for number in range(9):
        stranger: Desk = office.desk
        stranger.client = (f"198.51.100.{number}", 1)
        stranger.headers.pop("cookie", None)
        await stranger.post("/login", {"name": "lan", "password": "wrong"})
    form = {"name": "lan", "password": PASSWORD}
    assert (await office.desk.post("/login", form)).status == 429
    known = f"onema_known={hers}"
    assert (await office.desk.post("/login", form, cookie=known)).status == 303
    assert (await office.desk.post("/login", {**form, "name": "mai"}, cookie=known)).status == 303
    for forged in ("x", "W10=.eA==", hers[:-6] + "AAAA=="):
        assert (await office.desk.post("/login", form, cookie=f"onema_known={forged}")).status == 429
    wrong = [
        (await office.desk.post("/login", {**form, "password": "x"}, cookie=known)).status for _ in range(6)
    ]
    assert wrong == [401] * 5 + [429]


async def test_a_demo_has_nobodys_account(office: Office) -> None:
    """Whoever sits at its machine is nobody."""
    demo = office.desk_with(open_on_loopback=True)
    assert (await demo.get(YOU)).status == 404
    assert (await demo.get(f"{YOU}/app.svg")).status == 404
    assert (await demo.post(f"{YOU}/passkey/ask")).status == 401
