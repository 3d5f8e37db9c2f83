"""Several processes before one SIP trunk, each with an engine of its own: its limits hold over all of them."""

import asyncio
import itertools
from pathlib import Path

from onema.protocols.sip.called import Script
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually
from tests.sip import FarPhones

from .acme import call, environment
from .test_sip import SETTINGS, in_a_thread, ready

CALLS, AT_ONCE, A_SECOND = 24, 4, 10


async def test_limits_of_a_trunk_hold_over_all_workers(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Channels and calls a second; each phone is called once, by whichever process took its call."""
    shared = environment(postgres_server.create_database("trunk"))
    server = RunningServer(tmp_path / "data", "serve", "--workers", "2", environment=shared)
    async with FarPhones() as far:
        far.default = Script(hangs_up_after=0.3)
        try:
            await in_a_thread(server.start)
            await in_a_thread(server.onema, "apply", "-", stdin=SETTINGS)
            limits = ["--capacity", str(AT_ONCE), "--per-second", str(A_SECOND)]
            setting = ["--setting", f"domain=127.0.0.1:{far.port}"]
            await in_a_thread(server.onema, "carrier", "add", "sip", "trunk", *limits, *setting)
            await in_a_thread(server.onema, "route", "add", "call", "trunk")
            await in_a_thread(eventually, lambda: ready(server))
            # Both processes have asked whether the trunk is there.
            await far.until(lambda: len({source.port for source in far.sources}) == 2)
            await asyncio.gather(
                *(in_a_thread(call, server, f"0901880{number:03}", "0307") for number in range(CALLS))
            )
            await far.until(lambda: len(far.calls) == CALLS and all(one.ended for one in far.calls))
        finally:
            await in_a_thread(server.stop)
    assert len({one.number for one in far.calls}) == CALLS
    assert len({source.port for source in far.sources}) == 2
    for one in far.calls:
        up = sum(other.invited_at <= one.invited_at < other.ended_at for other in far.calls)
        assert up <= AT_ONCE
    began = sorted(one.invited_at for one in far.calls)
    for first, last in zip(began, itertools.islice(began, A_SECOND + 1, None), strict=False):
        # A timer that is late may be made up for (channels/pace.py).
        assert last - first > 0.8
