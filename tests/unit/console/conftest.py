from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ...dialects.running_core import RunningCore
from .office import DOCUMENTS, Office


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(*DOCUMENTS)
    office = Office(core)
    yield office
    await core.stop()
