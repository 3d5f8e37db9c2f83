from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from .running_core import RunningCore


@pytest_asyncio.fixture
async def core(tmp_path: Path) -> AsyncIterator[RunningCore]:
    running = RunningCore(tmp_path)
    await running.start()
    yield running
    await running.stop()
