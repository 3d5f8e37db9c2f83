"""The console's pages about applications: docs/operations/console.md."""

import re

import msgspec
import pytest
import pytest_asyncio

from onema.console.operate.pages.voice import CODE_TO_HEAR
from onema.delivery.callback_client import Told
from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.native.callbacks import NativeEvents
from onema.domain.configuration import documents as doc
from onema.domain.delivery.gone_addresses import SwitchAddressOff
from onema.domain.ids import AccountId
from onema.speech import Voices
from onema.speech.hearing.decode import hear_wav

from .office import Office

LIST = "/console/applications?account=acme"
SHOP = "/console/applications/acme/shop"
THEIRS = "/console/applications/rival/till"
SETTINGS = {
    "voice": "vi-south",
    "sentence": "",
    "callback_url": "https://shop.example/told",
    "call_state_url": "https://shop.example/calls",
    "allowed_ips": "203.0.113.7\r\n10.0.0.0/8",
    "recall_busy": "yes",
    "recall_times": "2",
    "recall_delay": "30",
}


@pytest_asyncio.fixture
async def shop(office: Office) -> Office:
    """Both accounts have an application."""
    await office.core.configure(
        doc.HotlinePool(name="north"),
        doc.Application(account="acme", name="shop", pool="north", appid="a" * 32),
        doc.Application(account="rival", name="till", appid="b" * 32),
    )
    return office


def _shop(office: Office, name: str = "shop", account: str = "acme") -> doc.Application:
    found = office.document(doc.Application, f"{account}/{name}")
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["tam", "chi", "hoa"])
async def test_an_application_is_made_in_the_sandbox(shop: Office, name: str) -> None:
    """With a public number of its own; by an operator, and by the customer. None of the name is made twice."""
    await shop.desk.log_in(name)
    answer = await shop.submit(LIST, "create", name="app", environment="sandbox")
    assert answer.headers["location"] == "/console/applications/acme/app?done=1"
    made = _shop(shop, "app")
    assert (made.environment, made.state, len(made.appid)) == ("sandbox", "active", 32)
    again = await shop.submit(LIST, "create", 422, name="app", environment="sandbox")
    assert "This is there already." in again.text
    wrong = await shop.submit(LIST, "create", 422, name="no space", environment="sandbox")
    assert 'id="create-name-error">A name has up to 64 letters' in wrong.text
    assert 'value="no space"' in wrong.text


async def test_a_sandbox_application_is_ready_after_one_press(shop: Office) -> None:
    """It is offered while the account has none."""
    await shop.desk.log_in("hoa")
    assert 'name="do" value="sandbox"' in await shop.page(LIST)
    await shop.submit(LIST, "sandbox")
    made = _shop(shop, "sandbox")
    assert (made.environment, made.state, made.voice_code) == ("sandbox", "active", True)
    assert 'name="do" value="sandbox"' not in await shop.page(LIST)


async def test_an_application_is_put_online_switched_off_and_removed(shop: Office) -> None:
    """And all of it taken back, but for what is gone."""
    await shop.desk.log_in("hoa")
    for do, field, value in (
        ("offline", "environment", "sandbox"),
        ("online", "environment", "production"),
        ("off", "state", "inactive"),
        ("on", "state", "active"),
    ):
        await shop.submit(SHOP, do)
        assert getattr(_shop(shop), field) == value
    await shop.submit(SHOP, "remove")
    assert shop.document(doc.Application, "acme/shop") is None
    assert (await shop.desk.get(SHOP)).status == 404


@pytest.mark.parametrize("own", [True, False])
async def test_an_address_that_is_gone_is_put_online_again(shop: Office, own: bool) -> None:
    """Its application's page says since when, and so does the account's page where it is the account's."""
    url = "https://shop.example/told"
    account = shop.document(doc.Account, "acme")
    assert account is not None
    if own:
        await shop.core.configure(msgspec.structs.replace(_shop(shop), callback_url=url))
    else:
        await shop.core.configure(msgspec.structs.replace(account, callback_url=url))
    await shop.desk.log_in("hoa" if own else "tam")
    pages = [SHOP] if own else [SHOP, LIST]
    for page in pages:
        assert "answered 410" not in await shop.page(page)
        off = SwitchAddressOff(
            account=AccountId(account.number), url=url, host="shop.example", now=shop.core.clock.now()
        )
        await shop.core.gateway.execute(off)
        assert "answered 410 (Gone) at " in await shop.page(page)
        await shop.submit(page, "address-online")
        assert "answered 410" not in await shop.page(page)


async def test_its_settings_are_changed_together(shop: Office) -> None:
    """A box that is not ticked is off; the pool is the operator's, and stays what it was for a customer."""
    await shop.desk.log_in("hoa")
    assert 'name="pool"' not in await shop.page(SHOP)
    await shop.submit(SHOP, "save", **SETTINGS)
    found = _shop(shop)
    assert (found.voice_code, found.voice, found.sentence, found.pool) == (False, "vi-south", None, "north")
    assert (found.callback_url, found.call_state_url) == (
        "https://shop.example/told",
        "https://shop.example/calls",
    )
    assert found.allowed_ips == ("203.0.113.7", "10.0.0.0/8")
    assert (found.recall_after, found.recall_times, found.recall_delay) == (("busy",), 2, 30)
    await shop.desk.log_in("tam")
    assert 'name="pool"' in await shop.page(SHOP)
    await shop.submit(SHOP, "save", voice_code="yes", pool="", **SETTINGS)
    assert (_shop(shop).voice_code, _shop(shop).pool) == (True, "")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("allowed_ips", "10.0.0.0/99", "is not an address or network"),
        ("callback_url", "ftp://x", "Write a whole address"),
        ("call_state_url", "https://", "Write a whole address"),
        ("recall_times", "6", "Write a number from 1 to 5."),
        ("recall_delay", "soon", "Write a number from 5 to 3600."),
        ("sentence", "x" * 1_001, "1,000 characters are the most."),
    ],
)
async def test_what_is_wrong_stands_at_its_field(shop: Office, field: str, value: str, said: str) -> None:
    """With what was filled in, and nothing is changed."""
    await shop.desk.log_in("hoa")
    before = _shop(shop)
    page = (await shop.submit(SHOP, "save", 422, **{**SETTINGS, field: value})).text
    assert re.search(f'<small class="error" id="save-{field}-error">[^<]*{said}', page)
    assert f'aria-describedby="save-{field}-error"' in page
    assert value in page
    assert _shop(shop) == before


async def test_an_application_is_heard(shop: Office) -> None:
    """As a call of it would speak, in the voice that it has."""
    await shop.core.configure(doc.Application(account="acme", name="shop", voice="zh"))
    await shop.desk.log_in("bao")
    assert f'src="{SHOP}/call.wav"' in await shop.page(SHOP)
    answer = await shop.desk.get(f"{SHOP}/call.wav")
    assert hear_wav(answer.body, Voices.load()["zh"]).code == CODE_TO_HEAR
    assert (await shop.desk.get(f"{THEIRS}/call.wav")).status == 404


async def test_the_account_says_where_it_is_told_and_where_it_asks_from(shop: Office) -> None:
    """By its admin or an operator; its developers see no such form."""
    fields = {"callback_url": "https://acme.example/", "allowed_ips": "203.0.113.0/24"}
    for name in ("chi", "tam"):
        await shop.core.configure(doc.Account(name="acme", wallet="postpaid", windows=(), country="VN"))
        await shop.desk.log_in(name)
        await shop.submit(LIST, "account", **fields)
        found = shop.core.account("acme").document
        assert (found.callback_url, found.allowed_ips) == ("https://acme.example/", ("203.0.113.0/24",))
    await shop.desk.log_in("hoa")
    assert 'name="do" value="account"' not in await shop.page(LIST)
    await shop.submit(LIST, "account", 422, callback_url="https://elsewhere.example/", allowed_ips="")
    assert shop.core.account("acme").document.callback_url == "https://acme.example/"


@pytest.mark.parametrize("name", ["mai", "bao"])
async def test_a_viewer_is_offered_nothing_and_does_nothing(shop: Office, name: str) -> None:
    """Neither of an account nor of all."""
    await shop.desk.log_in(name)
    before = _shop(shop)
    for path in (LIST, SHOP):
        assert 'method="post"' not in (await shop.page(path)).split("<main")[1]
    await shop.submit(LIST, "create", 404, name="app", environment="sandbox")
    await shop.submit(SHOP, "save", 404, **SETTINGS)
    await shop.submit(SHOP, "remove", 404)
    assert _shop(shop) == before


async def test_a_customer_reaches_no_other_account(shop: Office) -> None:
    """Whatever the address says."""
    await shop.desk.log_in("chi")
    before = _shop(shop, "till", "rival")
    assert (await shop.desk.get(THEIRS)).status == 404
    await shop.submit(THEIRS, "save", 404, **SETTINGS)
    for do in ("off", "offline", "remove"):
        await shop.submit(THEIRS, do, 404)
    assert _shop(shop, "till", "rival") == before
    assert "till" not in await shop.page("/console/applications?account=rival")
    await shop.submit("/console/applications?account=rival", "create", name="app", environment="sandbox")
    assert shop.document(doc.Application, "rival/app") is None


async def test_a_test_event_shows_what_the_receiver_said(shop: Office) -> None:
    """On the page, where there is an address; a viewer sends none."""

    async def tell(request: CallbackRequest) -> Told:
        told.append(request.url)
        return Told("HTTP 503", again=True, host="shop.example", status=503, said="<b>busy</b>")

    told: list[str] = []
    trial = shop.administration.callback_trial
    trial.tell, trial.renderers = tell, {"native": NativeEvents(shop.core.gateway)}
    await shop.core.configure(
        doc.Credential(account="acme", dialect="native", key="k-1", secret="a secret of some length")
    )
    await shop.desk.log_in("hoa")
    assert "try-callback" not in await shop.page(SHOP)
    await shop.submit(SHOP, "save", **SETTINGS)
    page = (await shop.submit(SHOP, "try-callback", 200)).text
    assert "shop.example answered 503 after 0 ms." in page
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    await shop.submit(THEIRS, "try-callback", 404)
    await shop.desk.log_in("bao")
    assert "try-callback" not in await shop.page(SHOP)
    await shop.submit(SHOP, "try-callback", 404)
    assert told == ["https://shop.example/told"]
