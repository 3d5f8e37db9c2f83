"""Invitations through the console: docs/operations/console.md."""

import asyncio
import re

import pytest

from onema.administration.people_requests import InviteUser
from onema.administration.permissions import ITSELF
from onema.domain.configuration import documents as doc
from onema.domain.door_rows import Invitation
from onema.domain.people.invitations import SET_UP_MS, set_up_token

from .desk import PASSWORD, USERS
from .office import Office

FORM = {"name": "new", "password": PASSWORD, "again": PASSWORD}
_HASH = USERS[0].password_hash
ADMIN = doc.User(name="an", password_hash=_HASH, role="admin", customer_of="acme")
OPERATOR = doc.User(name="op", password_hash=_HASH, role="operator")


async def invite(office: Office, **form: str) -> tuple[int, str]:
    """(status, the link's path) of a form that the page of who is logged in sends."""
    page = await office.page("/console/people")
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    fields = {"token": token[1], "do": "invite", "role": "developer", "account": "acme", "days": "7", **form}
    answer = await office.desk.post("/console/people", fields)
    link = re.search(r"<code>http://127.0.0.1:8400(/welcome/[\w-]+)</code>", answer.text)
    return answer.status, link[1] if link else ""


async def made(office: Office, **request: str) -> str:
    """The path of a link."""
    wanted = InviteUser(**{"role": "viewer", **request})  # type: ignore[arg-type]  # its fields
    assert office.desk.administrator is not None
    invited = await office.desk.administrator.answer(wanted, ITSELF)
    return f"/welcome/{invited.token}"


async def test_a_link_leads_in_once(office: Office) -> None:
    """Whoever has it chooses name and password, and can log in with them; then it says that it was used."""
    await office.desk.log_in()
    status, link = await invite(office)
    assert status == 200
    del office.desk.headers["cookie"]
    page = await office.page(link)
    assert "developer of the account acme" in page
    assert (await office.desk.post(link, FORM)).headers["location"] == "/login"
    await office.page(link, 410)
    assert (await office.desk.post(link, {**FORM, "name": "two"})).status == 410
    assert (await office.desk.log_in("new")).status == 303
    assert "rival" not in await office.page("/console")
    assert office.core.gateway.directory.users["new"].customer_of == "acme"


async def test_of_many_who_use_one_link_at_once_one_comes_in(office: Office) -> None:
    """The link's row decides, not who looked first."""
    link = await made(office)
    answers = await asyncio.gather(
        *(office.desk.post(link, {**FORM, "name": f"n{number}"}) for number in range(8))
    )
    assert sorted(answer.status for answer in answers) == [303, *[410] * 7]
    assert len([name for name in office.core.gateway.directory.users if name.startswith("n")]) == 1


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"password": "short", "again": "short"}, "at least 8 characters"),
        ({"again": "another one"}, "passwords differ"),
        ({"name": "a b"}, "begins with a letter or digit"),
        ({"name": "lan"}, "has this name already"),
        ({"password": "x" * 1_025, "again": "x" * 1_025}, "too long"),
    ],
)
async def test_what_cannot_be_taken_leaves_the_link_as_it_is(
    office: Office, form: dict[str, str], says: str
) -> None:
    """It says why, and the next try comes in."""
    link = await made(office)
    answer = await office.desk.post(link, {**FORM, **form})
    assert (answer.status, says in answer.text) == (422, True)
    assert (await office.desk.post(link, FORM)).status == 303


@pytest.mark.parametrize(
    "path", ["/welcome/x", f"/welcome/{'x' * 500}", "/welcome/setup-AAAA", "/welcome/%00"]
)
async def test_what_is_no_link_leads_nowhere(office: Office, path: str) -> None:
    """And makes nobody."""
    await office.page(path, 410)
    assert (await office.desk.post(path, FORM)).status == 410


async def test_a_link_is_not_taken_by_another_site(office: Office) -> None:
    """Nor read as what is no form."""
    link = await made(office)
    assert (await office.desk.post(link, FORM, origin="https://evil.example")).status == 403
    assert (
        await office.desk.post_bytes(link, b"name=%FF", "application/x-www-form-urlencoded")
    ).status == 400


async def test_a_link_ends_with_its_days(office: Office) -> None:
    """As it says."""
    link = await made(office)
    office.core.clock.advance(7 * 86_400 - 1)
    await office.page(link)
    office.core.clock.advance(1)
    await office.page(link, 410)


@pytest.mark.parametrize(
    ("who", "role", "account", "status"),
    [
        ("lan", "owner", "", 200),
        ("lan", "admin", "", 422),
        ("lan", "owner", "acme", 422),
        ("op", "admin", "rival", 200),
        ("op", "viewer", "", 422),
        ("an", "developer", "", 200),
        ("an", "developer", "rival", 200),
        ("an", "operator", "", 422),
        ("an", "sultan", "", 404),
    ],
)
async def test_who_may_invite_whom(office: Office, who: str, role: str, account: str, status: int) -> None:
    """Owners everybody, operators customers' people, an admin those of the own account, whatever the form says."""
    await office.core.configure(ADMIN, OPERATOR)
    await office.desk.log_in(who)
    got, link = await invite(office, role=role, account=account)
    assert (got, bool(link)) == (status, status == 200)
    if who == "an" and link:
        assert "of the account acme" in await office.page(link)


@pytest.mark.parametrize("who", ["mai", "hoa"])
async def test_others_neither_invite_nor_see_who_is_invited(office: Office, who: str) -> None:
    """Viewers and developers see who there is."""
    await made(office, account="acme", name="soon")
    await office.desk.log_in(who)
    page = await office.page("/console/people")
    assert "hoa" in page
    assert "soon" not in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is None
    assert (await office.desk.post("/console/people", {"do": "invite", "role": "viewer"})).status == 422


async def test_an_admin_sees_and_withdraws_the_own_links_alone(office: Office) -> None:
    """By whatever id."""
    await office.core.configure(ADMIN)
    await made(office, account="rival", name="theirs")
    ours = await made(office, account="acme", name="ours")
    await office.desk.log_in("an")
    page = await office.page("/console/people")
    assert ("ours" in page, "theirs" in page) == (True, False)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    for row in await office.core.storage.read_invitations("", 10):
        await office.desk.post("/console/people", {"token": token[1], "do": "withdraw", "id": row.digest})
    left = [row.name for row in await office.core.storage.read_invitations("", 10)]
    assert left == ["theirs"]
    await office.page(ours, 410)


async def test_nothing_that_is_kept_opens_a_link(office: Office) -> None:
    """Neither the row nor the audit log holds what stands in it."""
    link = await made(office)
    token = link.removeprefix("/welcome/")
    rows = await office.core.storage.read_invitations("", 10)
    assert isinstance(rows[0], Invitation)
    entries = await office.core.storage.read_audit(None, (2**63 - 1, 2**63 - 1), 10)
    assert [one.what for one in entries] == ["invite_user"]
    assert token not in repr((rows, entries))
    await office.desk.post(link, FORM)
    entries = await office.core.storage.read_audit(None, (2**63 - 1, 2**63 - 1), 1)
    assert (entries[0].what, entries[0].subject, entries[0].address) == (
        "take_invitation",
        "user new",
        "127.0.0.1",
    )


async def test_the_link_of_the_first_run_is_worth_nothing_once_there_is_an_owner(office: Office) -> None:
    """It makes an owner where there is none."""
    link = f"/welcome/{set_up_token(office.core.keyring, office.core.clock.now() + SET_UP_MS)}"
    await office.page(link, 410)
    await office.core.configure(doc.User(name="lan", password_hash=_HASH, role="owner", state="inactive"))
    assert "owner of this installation" in await office.page(link)
    assert (await office.desk.post(link, FORM)).status == 303
    await office.page(link, 410)
    assert office.core.gateway.directory.users["new"].role == "owner"


async def test_a_role_and_a_state_are_changed_on_the_page(office: Office) -> None:
    """By whoever may say so."""
    await office.desk.log_in()
    page = await office.page("/console/people")
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    form = {"token": token[1], "do": "change", "user": "hoa", "role": "viewer", "state": "inactive"}
    assert (await office.desk.post("/console/people", form)).status == 303
    hoa = office.core.gateway.directory.users["hoa"]
    assert (hoa.role, hoa.state, hoa.password_hash) == ("viewer", "inactive", _HASH)
