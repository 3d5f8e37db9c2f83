"""Processes that commit to one database have numbers of their own: ids hold them."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from onema.secret import Secret
from onema.settings import Node, Settings
from onema.wiring.core import data_folder, open_core, serving_node


async def test_a_command_line_does_not_take_the_number_of_the_server_whose_settings_it_reads(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of both would have one id when they fall into one millisecond, and one of them would be refused."""
    monkeypatch.setattr("onema.wiring.core.secrets.randbelow", lambda limit: 7)
    settings = Settings(
        data=tmp_path, database=Secret(dsn), server_key=Secret("ab" * 32), node=Node(number=40)
    )
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(data_folder(settings))
        assert (await open_core(settings, stack, folder)).node == 7
    assert serving_node(settings) == 40
