"""The numbers that calls come from, and how often each was used."""

from collections.abc import Collection

from onema.administration.customer_requests import HotlineNow, PoolNow
from onema.domain.codes import hotlines
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.records import Window
from onema.storage.contract import Storage


async def read_pools(
    storage: Storage, directory: Directory, names: Collection[str], now: int
) -> tuple[PoolNow, ...]:
    """The named pools with their numbers, in order."""
    numbers: dict[str, list[doc.Hotline]] = {}
    for one in directory.of_kind(doc.Hotline):
        if one.pool in names:
            numbers.setdefault(one.pool, []).append(one)
    counted = await storage.read(
        [
            (Window, hotlines.EVERY_ACCOUNT, hotlines.SCOPE, one.number)
            for some in numbers.values()
            for one in some
        ]
    )
    used = {row.subject: hotlines.used_now(row, now) for row in counted.values() if isinstance(row, Window)}
    return tuple(
        PoolNow(
            pool.name,
            pool.state == "active",
            tuple(
                HotlineNow(one.number, one.state == "active", one.daily_cap, used.get(one.number, 0))
                for one in sorted(numbers.get(pool.name, ()), key=lambda one: one.number)
            ),
        )
        for pool in sorted(directory.of_kind(doc.HotlinePool), key=lambda one: one.name)
        if pool.name in names
    )
