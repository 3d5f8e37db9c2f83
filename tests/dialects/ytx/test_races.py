"""Limits that hold under any number of callers at once."""

import asyncio
from collections import Counter

import msgspec

from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .vendor_client import ACCOUNT, APPLICATION, VendorClient


async def codes_of_parallel_calls(client: VendorClient, number: int) -> Counter[str]:
    """How often each statusCode was answered."""
    return Counter(await asyncio.gather(*(client.status() for _ in range(number))))


async def test_a_hotlines_cap_is_exact(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once on a cap of 10 place 10."""
    await core.configure(
        doc.HotlinePool(name="p"),
        doc.Hotline(pool="p", number="01053189990", daily_cap=10),
        msgspec.structs.replace(APPLICATION, pool="p"),
    )
    assert await codes_of_parallel_calls(client, 200) == {"0": 10, "-104": 190}
    assert len(await core.messages("shop")) == 10


async def test_a_wallet_is_never_overdrawn(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once with money for 10 place 10."""
    await core.configure(msgspec.structs.replace(ACCOUNT, wallet="prepaid"))
    await core.top_up("shop", "0.6599")
    assert await codes_of_parallel_calls(client, 200) == {"0": 10, "-204": 190}
    assert await core.balance("shop") == 599
    assert len(await core.messages("shop")) == 10


async def test_hotlines_take_turns_under_load(client: VendorClient, core: RunningCore) -> None:
    """200 calls at once are spread evenly over four hotlines."""
    await core.configure(
        doc.HotlinePool(name="p"),
        *(doc.Hotline(pool="p", number=f"0105318999{n}") for n in range(4)),
        msgspec.structs.replace(APPLICATION, pool="p"),
    )
    assert await codes_of_parallel_calls(client, 200) == {"0": 200}
    callers = Counter(message.sender for message in await core.messages("shop"))
    assert sorted(callers.values()) == [50, 50, 50, 50]


async def test_request_ids_are_unique_under_load(client: VendorClient) -> None:
    """Calls of one millisecond are told apart."""
    placed = await asyncio.gather(*(client.place() for _ in range(200)))
    assert len(set(placed)) == 200
