"""getBlance, the vendor's spelling: what is left in the wallet.

https://console.ytx.net/FileDetails/FileGetBlance, which github.com/fanshuai/kubrick, server/voice/ytxz/ytx_apis.py,
names beside an answer; docs/vendors/ytx.md#getblance.
"""

import pytest

from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .vendor_client import ACCOUNT_SID, APPID, GET_BALANCE, VendorClient, changed, error_body, members

QUERY: dict[str, object] = {"action": "queryBlance", "appid": APPID}


# kubrick's sample: `{"AccountSID": "...", "Blance": 7.08}`, without a statusCode.
@pytest.mark.parametrize("version", ["201612", "201512"])
async def test_the_balance_is_told_in_the_vendors_exact_body(
    client: VendorClient, core: RunningCore, version: str
) -> None:
    """A number with the decimals that it has, under either version."""
    await core.top_up("shop", "7.08")
    response = await client.post(GET_BALANCE, changed(QUERY, {}), version=version)
    assert response.body == f'{{"AccountSID":"{ACCOUNT_SID}","Blance":7.08}}'.encode()
    assert response.status == 200


@pytest.mark.parametrize(
    ("amount", "told"), [("0", 0), ("100", 100), ("0.0601", 0.0601), ("-3.5", -3.5), ("1000000000", 10**9)]
)
async def test_the_balance_is_exact(
    client: VendorClient, core: RunningCore, amount: str, told: float
) -> None:
    """Also when it is nothing, or less."""
    await core.top_up("shop", amount)
    assert members(await client.post(GET_BALANCE, changed(QUERY, {})))["Blance"] == told


async def test_what_is_held_for_a_call_is_gone_from_the_balance(
    client: VendorClient, core: RunningCore
) -> None:
    """What is told is what can be spent."""
    await core.top_up("shop", "10")
    await client.place()
    assert members(await client.post(GET_BALANCE, changed(QUERY, {})))["Blance"] == 9.94


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"appid": ...}, "-2", "缺少必要参数"),
        ({"action": ""}, "-2", "缺少必要参数"),
        ({"action": "callOutCode"}, "-3", "无效action"),
        ({"action": "queryblance"}, "-3", "无效action"),
        ({"appid": "unknown"}, "-205", "应用验证失败"),
    ],
)
async def test_a_wrong_query_gets_the_common_error_body(
    client: VendorClient, changes: dict[str, object], code: str, text: str
) -> None:
    """The same table as for calls."""
    assert (await client.post(GET_BALANCE, changed(QUERY, changes))).body == error_body(code, text)


async def test_the_balance_is_told_to_its_owner_only(client: VendorClient, core: RunningCore) -> None:
    """Neither with another token nor for another account's application."""
    await core.configure(
        doc.Account(name="rival", wallet="postpaid"),
        doc.Application(account="rival", name="codes", appid="f" * 32),
    )
    foreign = await client.post(GET_BALANCE, changed(QUERY, {"appid": "f" * 32}))
    assert foreign.body == error_body("-205", "应用验证失败")
    client.auth_token = "guessed"
    assert (await client.post(GET_BALANCE, changed(QUERY, {}))).body == error_body(
        "-203", "AuthToken验证失败"
    )
