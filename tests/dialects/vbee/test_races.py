"""Limits that hold under any number of callers at once."""

import asyncio
from collections import Counter

import msgspec

from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .vendor_client import ACCOUNT, HOTLINE, VendorClient, members


async def codes_of_parallel_calls(client: VendorClient, number: int) -> Counter[int]:
    """How often each code was answered; 0 for a call that was placed."""
    responses = await asyncio.gather(*(client.call() for _ in range(number)))
    return Counter(members(response).get("code", 0) for response in responses)


async def test_a_hotlines_cap_is_exact(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once on a cap of 10 place 10."""
    await core.configure(msgspec.structs.replace(HOTLINE, daily_cap=10))
    assert await codes_of_parallel_calls(client, 200) == {0: 10, 1501: 190}
    assert len(await core.messages("shop")) == 10


async def test_a_wallet_is_never_overdrawn(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once with money for 10 place 10."""
    await core.configure(msgspec.structs.replace(ACCOUNT, wallet="prepaid"))
    await core.top_up("shop", "6599.9999")
    assert await codes_of_parallel_calls(client, 200) == {0: 10, 1603: 190}
    assert await core.balance("shop") == 599_9999
    assert len(await core.messages("shop")) == 10


async def test_hotlines_take_turns_under_load(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once are spread evenly over four hotlines."""
    await core.configure(*(doc.Hotline(pool="POOL_SYSTEM", number=f"0247109889{n}") for n in range(3)))
    assert await codes_of_parallel_calls(client, 200) == {0: 200}
    callers = Counter(message.sender for message in await core.messages("shop"))
    assert sorted(callers.values()) == [50, 50, 50, 50]
