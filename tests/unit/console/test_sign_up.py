"""Customers who sign up: docs/operations/console.md."""

import asyncio

import pytest

from onema.domain.people.sign_up import MOST_A_DAY_FROM_ONE_ADDRESS

from .desk import PASSWORD, Desk
from .office import Office

FORM = {"account": "shop", "name": "shopkeeper", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def open_door(office: Office) -> Desk:
    office.desk = office.desk_with(signs_up=True)
    return office.desk


async def test_nobody_signs_up_where_no_setting_says_so(office: Office) -> None:
    """There is no such page, and no link to it."""
    assert (await office.desk.get("/sign-up")).status == 404
    assert (await office.desk.post("/sign-up", FORM)).status == 404
    assert "/sign-up" not in await office.page("/login")


async def test_who_signs_up_has_an_account_that_can_send_nothing_yet(office: Office, open_door: Desk) -> None:
    """Prepaid and without money, with one sandbox application; and sees nothing of others."""
    assert "/sign-up" in await office.page("/login")
    assert "sandbox application" in await office.page("/sign-up")
    assert (await open_door.post("/sign-up", FORM)).headers["location"] == "/login"
    account = office.core.account("shop")
    assert (account.document.wallet, account.document.floor, account.document.state) == (
        "prepaid",
        "0",
        "active",
    )
    (application,) = account.applications.values()
    assert application.document.environment == "sandbox"
    assert len(application.document.appid) == 32
    user = office.core.gateway.directory.users["shopkeeper"]
    assert (user.role, user.customer_of) == ("admin", "shop")
    await open_door.log_in("shopkeeper")
    page = await office.page("/console")
    assert "shop" in page
    assert "acme" not in page
    entries = await office.core.storage.read_audit("shop", (2**63 - 1, 2**63 - 1), 10)
    assert [one.what for one in entries] == ["log_in", "sign_up"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"account": "acme"}, "is taken"),
        ({"name": "lan"}, "is taken"),
        ({"account": "a/b"}, "begins with a letter or digit"),
        ({"name": ""}, "begins with a letter or digit"),
        ({"again": "x"}, "passwords differ"),
        ({"password": "short", "again": "short"}, "at least 8 characters"),
    ],
)
async def test_what_is_taken_or_wrong_makes_nothing(
    office: Office, open_door: Desk, changed: dict[str, str], says: str
) -> None:
    """Neither an account nor a user, and whoever is there stays as they are."""
    before = office.core.gateway.directory.documents
    answer = await open_door.post("/sign-up", {**FORM, **changed})
    assert (answer.status, says in answer.text) == (422, True)
    assert office.core.gateway.directory.documents == before


async def test_one_address_signs_up_a_few_times_a_day(office: Office, open_door: Desk) -> None:
    """Also all at once; another address, and the next day, go on."""
    forms = [{**FORM, "account": f"s{number}", "name": f"n{number}"} for number in range(6)]
    answers = await asyncio.gather(*(open_door.post("/sign-up", form) for form in forms))
    assert sorted(answer.status for answer in answers) == [303] * MOST_A_DAY_FROM_ONE_ADDRESS + [429] * 3
    open_door.client = ("198.51.100.7", 1)
    assert (await open_door.post("/sign-up", FORM)).status == 303
    office.core.clock.advance(86_400)
    open_door.client = ("127.0.0.1", 1)
    assert (await open_door.post("/sign-up", {**FORM, "account": "late", "name": "late"})).status == 303


async def test_another_site_signs_nobody_up(open_door: Desk) -> None:
    """By whoever looks at it."""
    assert (await open_door.post("/sign-up", FORM, origin="https://evil.example")).status == 403
