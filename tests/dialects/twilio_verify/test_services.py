"""https://www.twilio.com/docs/verify/api/service and .../templates"""

import asyncio
import json
import re

import msgspec
import pytest

from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .asked import ask, error, text_of
from .client import ACCOUNT_SID, APPLICATION, CLIENT_IP, SERVICE, SERVICE_SID, get, post, start


async def test_an_application_is_a_service(api: TwilioVerifyApi, core: RunningCore) -> None:
    """With every documented member; what is not here is off or null."""
    told = await ask(api, get(SERVICE))
    login = next(
        one["sid"]
        for one in (await ask(api, get("/v2/Templates")))["templates"]
        if one["friendly_name"] == "login"
    )
    url = f"http://onema.test:8400{SERVICE}"
    assert told == {
        "sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "friendly_name": "Shop",
        "code_length": 6,
        "lookup_enabled": False,
        "psd2_enabled": False,
        "skip_sms_to_landlines": True,
        "dtmf_input_required": False,
        "tts_name": None,
        "do_not_share_warning_enabled": False,
        "custom_code_enabled": False,
        "push": None,
        "totp": None,
        "whatsapp": None,
        "passkeys": None,
        "default_template_sid": login,
        "verify_event_subscription_enabled": False,
        "date_created": "2000-01-01T00:00:00Z",
        "date_updated": "2000-01-01T00:00:00Z",
        "url": url,
        "links": {
            "verifications": f"{url}/Verifications",
            "verification_checks": f"{url}/VerificationCheck",
            "rate_limits": f"{url}/RateLimits",
        },
    }


async def test_a_service_is_made_changed_and_deleted(api: TwilioVerifyApi, core: RunningCore) -> None:
    """It is an application then, which tells when it was made."""
    made = await ask(api, post("/v2/Services", {"FriendlyName": "Bank", "CodeLength": "8"}), 201)
    assert (made["friendly_name"], made["code_length"]) == ("Bank", 8)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["date_created"])
    assert made["date_created"] > "2020"
    path = f"/v2/Services/{made['sid']}"
    changed = await ask(api, post(path, {"CustomCodeEnabled": "true", "FriendlyName": "Bank 2"}))
    assert (changed["code_length"], changed["custom_code_enabled"]) == (8, True)
    assert await ask(api, get(path)) == changed
    (application,) = (
        one.document for one in core.account("shop").applications.values() if one.document.title == "Bank 2"
    )
    assert (application.code_length, application.own_codes) == (8, True)
    response = await api.answer(post(path, {}, method="DELETE"))
    assert (response.status, response.body) == (204, b"")
    assert await error(api, get(path)) == (404, 20404)


async def test_the_default_template_is_one_of_the_accounts(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Named by its SID, and given up with an empty one."""
    listed = {one["friendly_name"]: one for one in (await ask(api, get("/v2/Templates")))["templates"]}
    told = await ask(api, post(SERVICE, {"DefaultTemplateSid": listed["reset"]["sid"]}))
    assert told["default_template_sid"] == listed["reset"]["sid"]
    assert core.account("shop").applications["login"].document.template == "reset"
    assert (await ask(api, post(SERVICE, {"DefaultTemplateSid": ""})))["default_template_sid"] is None
    assert await error(api, post(SERVICE, {"DefaultTemplateSid": "HJ" + "0" * 32})) == (400, 60200)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (400, 60200)),
        ({"FriendlyName": "x" * 31}, (400, 60200)),
        ({"FriendlyName": "x", "CodeLength": "3"}, (400, 60200)),
        ({"FriendlyName": "x", "CodeLength": "11"}, (400, 60200)),
        ({"FriendlyName": "x", "CodeLength": "six"}, (400, 60200)),
        ({"FriendlyName": "x", "CustomCodeEnabled": "yes"}, (400, 60200)),
        ({"FriendlyName": "x", "LookupEnabled": "true"}, (403, 60204)),
        ({"FriendlyName": "x", "Psd2Enabled": "True"}, (403, 60204)),
        ({"FriendlyName": "x", "TtsName": "shop"}, (403, 60204)),
        ({"FriendlyName": "x", "Totp.Issuer": "shop"}, (403, 60204)),
        ({"FriendlyName": "x", "Passkeys.RelyingParty.Id": "shop"}, (403, 60204)),
    ],
)
async def test_what_a_service_has_not_here_is_refused(
    api: TwilioVerifyApi, core: RunningCore, asked: dict[str, str], expected: tuple[int, int]
) -> None:
    """And no application is made."""
    assert await error(api, post("/v2/Services", asked)) == expected
    assert list(core.account("shop").applications) == ["login"]


async def test_switching_off_what_is_off_is_no_fault(api: TwilioVerifyApi) -> None:
    """Clients send their whole configuration."""
    off = {"LookupEnabled": "false", "Psd2Enabled": "False", "SkipSmsToLandlines": "true", "TtsName": ""}
    assert (await ask(api, post(SERVICE, off)))["friendly_name"] == "Shop"


async def test_a_service_that_a_login_needs_is_not_deleted(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The configuration would not hold together."""
    await core.configure(
        doc.Credential(
            account="shop",
            dialect="twilio_verify",
            key="SK" + "3c" * 16,
            secret="secret of login",
            application="login",
        )
    )
    assert await error(api, post(SERVICE, {}, method="DELETE")) == (400, 60217)


async def test_lists_have_pages(api: TwilioVerifyApi, core: RunningCore) -> None:
    """With `key` and absolute addresses, as the libraries want them; the last one has no next."""
    await core.configure(*(doc.Application(account="shop", name=f"app{number}") for number in range(4)))
    seen, path = [], "/v2/Services?PageSize=2"
    while path:
        told = await ask(api, get(path))
        meta = told["meta"]
        assert set(meta) == {
            "page",
            "page_size",
            "first_page_url",
            "previous_page_url",
            "url",
            "next_page_url",
            "key",
        }
        assert (meta["key"], meta["page_size"]) == ("services", 2)
        seen += told["services"]
        path = (meta["next_page_url"] or "").removeprefix("http://onema.test:8400")
    assert len({one["sid"] for one in seen}) == 5
    assert meta["page"] == 2
    assert meta["previous_page_url"].endswith("PageSize=2&Page=1")
    for unfit in ("PageSize=0", "PageSize=1001", "PageSize=x", "Page=-1"):
        assert await error(api, get(f"/v2/Services?{unfit}")) == (400, 60200)


async def test_templates_have_translations(api: TwilioVerifyApi, core: RunningCore) -> None:
    """`login` and `login.en` are one; a text that needs more than a code is none, nor is one without a name."""
    await core.configure(
        doc.Template(account="shop", brandname="Shop", text="{OTP} for {P1,10}", name="order"),
        doc.Template(account="shop", brandname="Shop", text="{OTP} nameless"),
    )
    told = (await ask(api, get("/v2/Templates")))["templates"]
    assert [one["friendly_name"] for one in told] == ["login", "reset"]
    login = told[0]
    assert re.fullmatch("HJ[0-9a-f]{32}", login["sid"])
    texts = {
        name: (one["text"], one["is_default_translation"]) for name, one in login["translations"].items()
    }
    assert texts == {
        "default": ("{{code}} la ma xac minh cua ban", True),
        "en": ("Your code is {{code}}", False),
    }
    (only,) = (await ask(api, get("/v2/Templates?FriendlyName=reset")))["templates"]
    assert only["friendly_name"] == "reset"


async def test_the_length_of_codes_is_the_services(api: TwilioVerifyApi, core: RunningCore) -> None:
    """From 4 to 10."""
    await core.configure(msgspec.structs.replace(APPLICATION, code_length=4))
    started = await ask(api, start({}), 201)
    assert re.fullmatch("[0-9]{4} la ma xac minh cua ban", await text_of(core, started["sid"]))


async def test_what_a_key_changes_is_in_the_audit_log(api: TwilioVerifyApi, core: RunningCore) -> None:
    """In the same commit: who, from where, and what became of which field."""
    made = await ask(api, post("/v2/Services", {"FriendlyName": "Bank"}), 201)
    path = f"/v2/Services/{made['sid']}"
    await ask(api, post(path, {"CodeLength": "8"}))
    await api.answer(post(path, {}, method="DELETE"))
    deleted, changed, created = await core.storage.read_audit("shop", (2**63 - 1, 0), 10)
    for entry in (deleted, changed, created):
        assert (entry.actor, entry.how, entry.role, entry.address) == (
            ACCOUNT_SID,
            "key",
            "developer",
            CLIENT_IP,
        )
    assert json.loads(created.after)["title"] == "Bank"
    assert (json.loads(changed.before), json.loads(changed.after)) == ({}, {"code_length": 8})
    assert json.loads(deleted.after) == {}


async def test_a_service_keeps_what_an_operator_has_set(api: TwilioVerifyApi, core: RunningCore) -> None:
    """A change of its name changes nothing else; what fails leaves no entry."""
    await core.configure(
        doc.HotlinePool(name="calls"), msgspec.structs.replace(APPLICATION, pool="calls", recall_times=2)
    )
    assert (await ask(api, post(SERVICE, {"FriendlyName": "Shop 2"})))["friendly_name"] == "Shop 2"
    document = core.account("shop").applications["login"].document
    assert (document.pool, document.recall_times, document.title) == ("calls", 2, "Shop 2")
    assert await error(api, post(SERVICE, {"CodeLength": "99"})) == (400, 60200)
    assert len(await core.storage.read_audit("shop", (2**63 - 1, 0), 10)) == 1


async def test_what_an_operator_changes_meanwhile_stays(api: TwilioVerifyApi, core: RunningCore) -> None:
    """A service that is switched off while its title is changed is off, and has the title."""
    off = msgspec.structs.replace(APPLICATION, state="inactive")
    _, renamed = await asyncio.gather(
        core.configure(off), api.answer(post(SERVICE, {"FriendlyName": "Till"}))
    )
    assert renamed.status == 200
    document = core.account("shop").applications["login"].document
    assert (document.title, document.state) == ("Till", "inactive")
