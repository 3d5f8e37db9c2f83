"""The page of what happens at the moment: figures of all processes, live, of the own account alone for customers."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
from starlette.types import Message

from onema.administration.answers import Administration
from onema.administration.live_window import LiveWindow
from onema.administration.requests import ReadNow
from onema.delivery.live_reports import LiveReports
from onema.domain.live_figures import KEEP_MS, SLOT_MS, WINDOW_MS, Counted, KeepFigures
from onema.telemetry.live_tally import LiveTally

from .desk import Desk
from .office import Office


async def put(office: Office, slot: int, process: str, **counted: Counted) -> None:
    figures = msgspec.json.encode(counted).decode()
    await office.core.gateway.execute(
        KeepFigures(slot=slot, process=process, now=slot * SLOT_MS, figures=figures)
    )


def busy(codes: int = 10) -> Counted:
    return Counted(
        codes, codes, codes, codes - 1, codes // 2, codes * 8_500_000, {48: codes - 1}, {"limit": 3}
    )


async def test_the_figures_of_all_processes_are_added_up(office: Office) -> None:
    """By account and over all of them; what is older than the window counts no more."""
    slot = office.core.gateway.now() // SLOT_MS
    window = LiveWindow(office.core.gateway, office.core.storage)
    await put(office, slot - 1, "one", acme=busy(), rival=busy(20))
    await put(office, slot - 1, "two", acme=busy(30))
    await put(office, slot - WINDOW_MS // SLOT_MS - 1, "one", acme=busy(1000))
    everything, ours = await window.read(ReadNow()), await window.read(ReadNow(account="acme"))
    assert (everything.codes, everything.delivered, everything.verified) == (60, 57, 30)
    assert (ours.codes, ours.delivered, ours.refusals) == (40, 38, {"limit": 6})
    assert ours.per_second == 4.0
    assert everything.spent == {"VND": 510_000_000}
    assert ours.series[-2:] == (40, 0)


async def test_a_row_that_comes_late_is_counted_once(office: Office) -> None:
    """Processes write by clocks of their own, and the window is asked again and again."""
    clock = office.core.clock
    window = LiveWindow(office.core.gateway, office.core.storage)
    slot = clock.now() // SLOT_MS
    await put(office, slot, "one", acme=busy())
    assert (await window.read(ReadNow())).codes == 10
    clock.advance(SLOT_MS / 1000)
    await put(office, slot - 1, "two", acme=busy())
    for _ in range(3):
        assert (await window.read(ReadNow())).codes == 20
        clock.advance(SLOT_MS / 1000)
    clock.advance(KEEP_MS / 1000)
    assert (await window.read(ReadNow())).codes == 0


async def test_a_process_tells_of_each_slot_in_which_something_happened(office: Office) -> None:
    """In one row; of others there is none."""
    tally = LiveTally()
    reports = LiveReports(office.core.gateway, "one", tally)
    await reports.report()
    assert await office.core.storage.read_live_figures(0) == []
    tally.verified(office.core.account("acme").id)
    tally.refused("", "unknown_key")
    await reports.report()
    tally.verified(office.core.account("acme").id)
    await reports.report()
    (row,) = await office.core.storage.read_live_figures(0)
    assert msgspec.json.decode(row.figures, type=dict[str, Counted]) == {
        "acme": Counted(verified=1),
        "": Counted(refusals={"unknown_key": 1}),
    }
    office.core.clock.advance(SLOT_MS / 1000)
    await reports.report()
    assert len(await office.core.storage.read_live_figures(0)) == 2


async def test_the_page_says_it_all_without_a_script(office: Office) -> None:
    """Codes a second, delivered and verified, half and most of the times, money, carriers, refusals."""
    await put(office, office.core.gateway.now() // SLOT_MS - 1, "one", acme=busy())
    await office.desk.log_in()
    page = await office.page("/console/now")
    for said in ("90.0", "50.0", "8500", "VND", "gw-north", "limit", "9 of 10 that ended", "1.1 s"):
        assert said in page, said
    assert "<code>onema now</code>" in page


async def test_a_customer_sees_the_own_figures_alone(office: Office) -> None:
    """On the page and live, whatever account the address names; and no carriers."""
    slot = office.core.gateway.now() // SLOT_MS - 1
    await put(office, slot, "one", acme=busy(), rival=busy(777))
    await office.desk.log_in("hoa")
    for query in ("", "?account=rival"):
        page = await office.page(f"/console/now{query}")
        assert "777" not in page
        assert "gw-north" not in page
        assert "9 of 10 that ended" in page
        async with following(office.desk, f"/console/now/events{query}") as (part, _):
            assert "777" not in part
            assert "9 of 10 that ended" in part


async def test_those_who_see_the_same_share_one_rendering(office: Office) -> None:
    """However many screens are open; another language or account is another part."""
    await office.desk.log_in()
    reads, storage = 0, office.core.storage
    read = storage.read_process_reports

    async def counting() -> object:
        nonlocal reads
        reads += 1
        return await read()

    storage.read_process_reports = counting  # type: ignore[method-assign,assignment]  # counted, and passed on
    async with contextlib.AsyncExitStack() as stack:
        parts = [
            await stack.enter_async_context(following(office.desk, "/console/now/events")) for _ in range(10)
        ]
        assert reads == 1
        other = await stack.enter_async_context(
            following(office.desk, "/console/now/events", accept_language="vi")
        )
        assert reads == 2
    assert len({part for part, _ in parts}) == 1
    assert "Mã mỗi giây" in other[0]


async def test_who_leaves_a_live_page_leaves_nothing_behind(office: Office) -> None:
    """No task waits for the next turn of a part that nobody follows."""
    await office.desk.log_in()
    before = asyncio.all_tasks()
    async with following(office.desk, "/console/now/events"):
        pass
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_a_live_page_ends_with_the_session(office: Office) -> None:
    """Whoever is logged out hears no more."""
    administrator = Administration(office.core.gateway, office.core.storage)
    desk = Desk(inbox=None, open_on_loopback=False, administrator=administrator, live_seconds=0.01)
    await desk.log_in()
    async with following(desk, "/console/now/events") as (_, ended):
        desk.directory.know()
        await asyncio.wait_for(ended, 5)


async def test_only_elements_of_the_page_itself_may_act(office: Office) -> None:
    """Each has the nonce that its scripts have, which is another one each time."""
    await office.desk.log_in()
    nonces: list[str] = []
    for _ in range(2):
        page = await office.page("/console/now")
        found = set(re.findall(r'nonce="([^"]+)"', page))
        assert len(found) == 1
        assert page.count("hx-sse:connect") == page.count("hx-nonce") == 1
        nonces += found
    assert len(set(nonces)) == 2


@contextlib.asynccontextmanager
async def following(desk: Desk, path: str, **headers: str) -> AsyncIterator[tuple[str, asyncio.Future[None]]]:
    """The first part that a browser is sent which follows a page, while it goes on following; and the end of that."""
    gone, heard, text = asyncio.Event(), asyncio.Event(), bytearray()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        text.extend(message.get("body", b""))
        if b"data: " in text:
            heard.set()

    task = asyncio.create_task(cast(Any, desk.app(desk.scope("GET", path, headers), receive, send)))
    try:
        await asyncio.wait_for(heard.wait(), 5)
        lines = text.decode().splitlines()
        part = "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        yield part, asyncio.ensure_future(asyncio.shield(task))
    finally:
        gone.set()
        await task
