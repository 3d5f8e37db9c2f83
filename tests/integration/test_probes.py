"""Probes of trunks over real sockets, against calls that come, come wrong, or do not."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from onema.channels.voice_sip.probing import Plan, Probes
from onema.protocols.sip import call_events as c
from onema.speech.message import speak
from onema.speech.voices import Voices
from onema.testing.running_server import free_port
from tests.integration.sip_caller import Caller

VOICES = Voices.load()
EVERY = 300
CODE = "407193"
NUMBER = "+842473000999"


class Rig:
    """Probes of one trunk, whose time the test sets."""

    def __init__(self, said: str | None) -> None:
        self.port = free_port()
        self.now = 1_800_000_000_000
        self.placed: list[tuple[str, str, str]] = []
        self.said = said
        """What the trunk reads out; None: it calls nobody."""
        self.plans = {"trunk": Plan(NUMBER, "127.0.0.1", self.port, EVERY)}
        self._calls: set[asyncio.Task[None]] = set()
        self.probes = self.more(self.place)

    def more(self, place: Callable[[str, str, str], Awaitable[None]]) -> Probes:
        return Probes(
            lambda: self.plans, place, lambda: VOICES, lambda: CODE, lambda: self.now, longest=0.3, held=0.0
        )

    async def place(self, carrier: str, number: str, code: str) -> None:
        self.placed.append((carrier, number, code))
        if self.said is not None:
            task = asyncio.get_running_loop().create_task(self._call(self.said))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _call(self, said: str) -> None:
        async with Caller(NUMBER, self.port) as caller:
            await caller.until(c.Answered)
            await caller.say(list(speak(VOICES["vi-north"], said).frames()), pace=0.005)
            caller.hang_up()
            await caller.until(c.Ended)

    async def next_interval(self) -> None:
        self.now += EVERY * 1_000
        await self.probes.look()
        await asyncio.gather(*self._calls)


def longer(rig: Rig) -> Rig:
    rig.probes = Probes(
        lambda: rig.plans, rig.place, lambda: VOICES, lambda: CODE, lambda: rig.now, longest=20.0, held=0.0
    )
    return rig


async def test_a_trunk_that_is_heard_is_well() -> None:
    """Each interval once, and not at the start."""
    rig = longer(Rig(CODE))
    await rig.probes.look()
    assert rig.placed == []
    assert rig.probes.figures("success") == {}
    assert rig.probes.figures("every_seconds") == {"trunk": EVERY}
    await rig.next_interval()
    assert rig.placed == [("trunk", NUMBER, CODE)]
    await rig.probes.look()
    assert len(rig.placed) == 1
    assert rig.probes.figures("success") == {"trunk": 1.0}
    assert rig.probes.figures("timestamp_seconds") == {"trunk": rig.now / 1_000}
    assert rig.probes.figures("lost_ratio") == {"trunk": 0.0}
    assert rig.probes.figures("ring_seconds")["trunk"] > 0.3


@pytest.mark.parametrize("said", ["407194", "0"])
async def test_another_code_is_a_failure(said: str) -> None:
    """It answers, and yet it is of no use."""
    rig = longer(Rig(said))
    await rig.probes.look()
    await rig.next_interval()
    assert rig.probes.figures("success") == {"trunk": 0.0}


async def test_a_call_that_does_not_come_is_a_failure_and_the_address_is_free_again() -> None:
    """Whether the trunk fails or nobody places it."""
    rig = Rig(None)
    await rig.probes.look()
    await rig.next_interval()
    assert rig.probes.figures("success") == {"trunk": 0.0}

    async def refuses(carrier: str, number: str, code: str) -> None:
        raise RuntimeError("no account")

    rig.probes = rig.more(refuses)
    await rig.probes.look()
    await rig.next_interval()
    assert rig.probes.figures("success") == {"trunk": 0.0}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", rig.port))


async def test_who_does_not_get_the_address_leaves_it_to_the_other() -> None:
    """One call for all processes of a machine."""
    rig = Rig(None)
    await rig.probes.look()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", rig.port))
        await rig.next_interval()
    assert rig.placed == []
    assert rig.probes.figures("success") == {}


async def test_a_result_of_long_ago_is_not_told() -> None:
    """Another process makes them now."""
    rig = Rig(None)
    await rig.probes.look()
    await rig.next_interval()
    rig.now += 3 * EVERY * 1_000
    assert rig.probes.figures("success") == {}
    rig.plans = {}
    assert rig.probes.figures("every_seconds") == {}


async def test_probes_start_and_stop_twice() -> None:
    """And before they start."""
    rig = Rig(None)
    await rig.probes.stop()
    await rig.probes.start()
    await rig.probes.start()
    await rig.probes.stop()
    await rig.probes.stop()
