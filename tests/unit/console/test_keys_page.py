"""The console's part about keys, on the pages of an account and of its applications: docs/operations/console.md."""

import json
import re

import pytest
import pytest_asyncio

from onema.console.operate.pages.keys import HIDDEN
from onema.domain.configuration import documents as doc
from onema.domain.configuration.rules import LIVE_CREDENTIALS
from onema.wiring.dialects import DIALECTS

from .office import Office

LIST = "/console/applications?account=acme"
SHOP = "/console/applications/acme/shop"


@pytest_asyncio.fixture
async def shop(office: Office) -> Office:
    """The account has an application, and the other account a key."""
    await office.core.configure(
        doc.Application(account="acme", name="shop"),
        doc.Application(account="rival", name="till"),
        doc.Credential(account="rival", dialect="native", key="rivals-key", secret="rivals-secret"),
    )
    return office


def _keys(office: Office, account: str = "acme") -> list[doc.Credential]:
    found = office.core.gateway.directory.of_account(account).get("credential", {}).values()
    return [one for one in found if isinstance(one, doc.Credential)]


async def _make_key(office: Office, path: str, dialect: str = "native", status: int = 200) -> str:
    """Load the page, send its form, and return what came of it."""
    (seed,) = re.findall(
        r'value="make-key"><input type="hidden" name="seed" value="(\w+)"', await office.page(path)
    )
    return (await office.submit(path, "make-key", status, dialect=dialect, seed=seed)).text


@pytest.mark.parametrize(("path", "application"), [(LIST, ""), (SHOP, "shop")])
async def test_a_secret_is_shown_once(shop: Office, path: str, application: str) -> None:
    """With the page that made it; the key belongs to what the page is about."""
    await shop.desk.log_in("hoa")
    page = await _make_key(shop, path)
    (made,) = _keys(shop)
    assert (made.application, made.dialect, made.state) == (application, "native", "active")
    assert f'<code id="made-key">{made.key}</code>' in page
    assert f'<code id="made-secret">{made.secret}</code>' in page
    for later in (LIST, SHOP):
        assert made.secret not in await shop.page(later)


async def test_a_form_that_is_sent_twice_makes_one_key(shop: Office) -> None:
    """Such as by loading the page with the secret anew."""
    await shop.desk.log_in("hoa")
    await shop.submit(SHOP, "make-key", 200, dialect="native", seed="a" * 32)
    again = await shop.submit(SHOP, "make-key", 422, dialect="native", seed="a" * 32)
    assert "This key was made already; its secret is not shown again." in again.text
    (made,) = _keys(shop)
    assert made.secret not in again.text


async def test_nobody_chooses_a_key(shop: Office) -> None:
    """It is random, and of an API that there is."""
    await shop.desk.log_in("hoa")
    await shop.submit(SHOP, "make-key", 404, dialect="native", seed="mine")
    await shop.submit(SHOP, "make-key", 404, dialect="no-api", seed="a" * 32)
    assert _keys(shop) == []


async def test_keys_move_on_with_an_overlap(shop: Office) -> None:
    """Two live; the third waits until one is deactivated. What is deactivated can be forgotten."""
    await shop.desk.log_in("chi")
    for _ in range(LIVE_CREDENTIALS):
        await _make_key(shop, SHOP)
    assert "Two keys may live at once. Deactivate one first." in await _make_key(shop, SHOP, status=422)
    old = _keys(shop)[0]
    await shop.submit(SHOP, "key-off", dialect="native", key=old.key)
    await _make_key(shop, SHOP)
    full = await shop.submit(SHOP, "key-on", 422, dialect="native", key=old.key)
    assert "Two keys may live at once." in full.text
    await shop.submit(SHOP, "forget-key", dialect="native", key=old.key)
    assert old.key not in {one.key for one in _keys(shop)}


async def test_a_key_that_is_switched_off_and_on_keeps_its_secret(shop: Office) -> None:
    """Nobody has to move twice."""
    await shop.desk.log_in("hoa")
    await _make_key(shop, LIST)
    (made,) = _keys(shop)
    for do, state in (("key-off", "inactive"), ("key-on", "active")):
        await shop.submit(LIST, do, dialect="native", key=made.key)
        (now,) = _keys(shop)
        assert (now.state, now.secret) == (state, made.secret)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
async def test_keys_are_made_for_every_api(shop: Office, dialect: str) -> None:
    """In the shape that its clients know."""
    await shop.desk.log_in("tam")
    await _make_key(shop, SHOP, dialect)
    assert [one.dialect for one in _keys(shop)] == [dialect]


async def test_requests_are_shown_with_the_key_and_once_with_its_secret(shop: Office) -> None:
    """In six languages; later a word stands for the secret."""
    await shop.desk.log_in("hoa")
    page = await _make_key(shop, SHOP)
    (made,) = _keys(shop)
    programs = re.findall(r'<pre tabindex="0" id="program-1-(\w+)">(.*?)</pre>', page, re.S)
    assert [tag for tag, _ in programs] == ["bash", "python", "php", "javascript", "java", "csharp"]
    assert all(made.key in program and made.secret in program for _, program in programs)
    later = await shop.page(SHOP)
    assert made.key in later
    assert HIDDEN in later


async def test_a_postman_collection_has_the_key(shop: Office) -> None:
    """And a place for the secret; of a key that is another's there is none."""
    await shop.desk.log_in("hoa")
    await _make_key(shop, SHOP)
    (made,) = _keys(shop)
    answer = await shop.desk.get(f"/console/applications/postman.json?account=acme&key={made.key}")
    told = {one["key"]: one["value"] for one in json.loads(answer.body)["variable"]}
    assert (told["url"], told["key"], told["secret"]) == ("http://127.0.0.1:8400", made.key, HIDDEN)
    for query in ("?key=rivals-key", "?account=rival&key=rivals-key", "?key=none"):
        assert (await shop.desk.get(f"/console/applications/postman.json{query}")).status == 404


@pytest.mark.parametrize("name", ["mai", "bao"])
async def test_a_viewer_makes_no_key(shop: Office, name: str) -> None:
    """Neither of an account nor of all."""
    await shop.desk.log_in(name)
    for path in (LIST, SHOP):
        assert "make-key" not in await shop.page(path)
        await shop.submit(path, "make-key", 404, dialect="native", seed="a" * 32)
    assert _keys(shop) == []


async def test_a_customer_reaches_no_key_of_another_account(shop: Office) -> None:
    """Whichever page the form is sent to."""
    await shop.desk.log_in("chi")
    await shop.submit("/console/applications/rival/till", "make-key", 404, dialect="native", seed="a" * 32)
    for path in (LIST, SHOP, "/console/applications?account=rival"):
        for do in ("key-off", "key-on", "forget-key"):
            await shop.submit(path, do, 404, dialect="native", key="rivals-key")
    assert [(one.key, one.state) for one in _keys(shop, "rival")] == [("rivals-key", "active")]


async def test_a_page_with_all_its_programs_stays_small(shop: Office) -> None:
    """Under 100 kB."""
    await shop.desk.log_in("tam")
    assert len(await _make_key(shop, SHOP)) < 100_000


async def test_a_keys_scopes_are_seen_and_changed(shop: Office) -> None:
    """At our own API, which alone knows them; a developer gives no key what an admin may."""
    await shop.desk.log_in("hoa")
    await _make_key(shop, SHOP)
    (made,) = _keys(shop)
    named = {"dialect": made.dialect, "key": made.key}
    page = await shop.page(SHOP)
    assert "<summary>verify, read</summary>" in page
    await shop.submit(SHOP, "key-scopes", scopes="read", **named)
    (changed,) = _keys(shop)
    assert (changed.scopes, changed.secret) == (("read",), made.secret)
    await shop.submit(SHOP, "key-scopes", 422, scopes="read,admin", **named)
    await shop.submit(SHOP, "key-scopes", 422, scopes="everything", **named)
    await shop.desk.log_in("chi")
    await shop.submit(SHOP, "key-scopes", scopes="verify,admin", **named)
    assert _keys(shop)[0].scopes == ("verify", "admin")


async def test_a_key_is_made_with_the_scopes_that_are_ticked(shop: Office) -> None:
    """Of another API it has none."""
    await shop.desk.log_in("hoa")
    await shop.submit(SHOP, "make-key", 200, dialect="native", seed="a" * 32, scopes="read")
    await shop.submit(SHOP, "make-key", 200, dialect="vbee", seed="b" * 32, scopes="read")
    assert {one.dialect: one.scopes for one in _keys(shop)} == {"native": ("read",), "vbee": ()}
