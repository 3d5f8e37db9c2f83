"""Every dialect says whom it refused and why: support has nothing else to look at."""

import msgspec
import pytest

from onema.administration.answers import Administration
from onema.administration.requests import ReadRefusals
from onema.domain.configuration import documents as doc
from onema.domain.note_refusals import RefusedRequest

from .running_core import RunningCore
from .test_shared_security import CLIENT_IP, OTHER_IP, VENDORS, Vendor, right
from .vbee import vendor_client as vbee
from .ytx import vendor_client as ytx

SENDING = [vendor for vendor in VENDORS if vendor.sends]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
async def vendor(request: pytest.FixtureRequest, core: RunningCore) -> Vendor:
    chosen: Vendor = request.param
    await core.configure(*chosen.documents)
    return chosen


async def kept(core: RunningCore, account: str = "shop") -> tuple[RefusedRequest, ...]:
    administration = Administration(core.gateway, core.storage)
    return (await administration.answer(ReadRefusals(account=account))).entries


async def test_a_wrong_secret_is_noted_under_the_account_that_has_the_key(
    vendor: Vendor, core: RunningCore
) -> None:
    """Who mistypes a secret calls support; the secret itself is kept nowhere."""
    request = vendor.request(core, "mistyped by somebody", vendor.credential.key)
    await vendor.api(core).answer(request)
    (entry,) = await kept(core)
    expected = {
        "esms": "credential_unknown",
        "ytx": "invalid_sign",
        "vbee": "token_invalid",
        "native": "credential_unknown",
        "twilio_verify": "credential_unknown",
        "camara": "credential_unknown",
        "receivers": "credential_unknown",
    }[vendor.name]
    assert (entry.dialect, entry.reason, entry.times, entry.client) == (vendor.name, expected, 1, CLIENT_IP)
    assert "mistyped" not in str(entry)
    assert await kept(core, "") == ()


async def test_a_key_that_nobody_has_is_noted_under_nobody(vendor: Vendor, core: RunningCore) -> None:
    """And never spelled: it may be a secret in the wrong place."""
    request = vendor.request(core, vendor.credential.secret, "unknownkey")
    await vendor.api(core).answer(request)
    (entry,) = await kept(core, "")
    assert (entry.dialect, entry.reason) == (vendor.name, "credential_unknown")
    assert "unknownkey" not in str(entry)
    assert await kept(core) == ()


async def test_a_retired_key_says_that_it_is_retired(vendor: Vendor, core: RunningCore) -> None:
    """On the wire it looks like one that nobody has."""
    await core.configure(msgspec.structs.replace(vendor.credential, state="inactive"))
    await vendor.api(core).answer(right(vendor, core))
    (entry,) = await kept(core)
    assert "not active" in entry.detail


@pytest.mark.parametrize("vendor", SENDING, indirect=True, ids=lambda vendor: vendor.name)
async def test_a_send_over_its_window_is_noted_with_the_window(vendor: Vendor, core: RunningCore) -> None:
    """The accepted one leaves nothing; alike refusals are one entry."""
    window = doc.WindowLimit(per="phone", seconds=600, limit=1)
    await core.configure(msgspec.structs.replace(vendor.account, windows=(window,)))
    api = vendor.api(core)
    for _ in range(4):
        await api.answer(right(vendor, core))
        # A client of ours that asks the same within a few seconds is answered as before.
        core.clock.advance(20)
    (entry,) = await kept(core)
    assert (entry.reason, entry.times, entry.detail) == ("rate_limited", 3, "phone: 1 per 600 s")
    assert "****" in entry.phone


async def test_an_address_that_may_not_call_is_noted(vendor: Vendor, core: RunningCore) -> None:
    """With the address, which is what the customer must be told."""
    await core.configure(msgspec.structs.replace(vendor.account, allowed_ips=(OTHER_IP,)))
    await vendor.api(core).answer(right(vendor, core))
    (entry,) = await kept(core)
    assert (entry.reason, entry.client) == ("ip_not_allowed", CLIENT_IP)


async def test_what_is_accepted_is_not_noted(vendor: Vendor, core: RunningCore) -> None:
    """Nor is a path that the API does not have: the account is not known then."""
    api = vendor.api(core)
    assert (await api.answer(right(vendor, core))).outcome == "ok"
    assert await kept(core) == await kept(core, "") == ()


async def test_a_vbee_application_without_a_sentence_says_so(core: RunningCore) -> None:
    """Its customer sees 1204 only, which a token without a code has too."""
    (vendor,) = (vendor for vendor in VENDORS if vendor.name == "vbee")
    silent = [
        msgspec.structs.replace(document, sentence="") if isinstance(document, doc.Application) else document
        for document in vbee.DOCUMENTS
    ]
    await core.configure(*silent)
    await vendor.api(core).answer(right(vendor, core))
    (entry,) = await kept(core)
    assert (entry.reason, entry.detail) == ("sentence_missing", "the application has no sentence")
    assert entry.application
    assert "****" in entry.phone


async def test_a_ytx_appid_that_the_account_does_not_have_says_so(core: RunningCore) -> None:
    """The wire says -205 for six different faults."""
    (vendor,) = (vendor for vendor in VENDORS if vendor.name == "ytx")
    await core.configure(*ytx.DOCUMENTS)
    request = right(vendor, core)
    wrong = msgspec.structs.replace(request, body=ytx.changed(ytx.CALL_MEMBERS, {"appid": "0" * 32}))
    await vendor.api(core).answer(wrong)
    (entry,) = await kept(core)
    assert (entry.reason, entry.detail) == (
        "application_unknown",
        "the account has no application with this appid",
    )
