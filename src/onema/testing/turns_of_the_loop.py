"""How often the event loop comes round: whether something that takes long lets others in between."""

import asyncio
from typing import Self


class TurnsOfTheLoop:
    """`count` is how many turns there were since it was entered."""

    def __init__(self) -> None:
        self.count = 0
        self._handle: asyncio.Handle | None = None

    async def __aenter__(self) -> Self:
        self._turn()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._turn)
