"""The handset's page of an onema, for simulated networks that bring messages to it."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import Self

from onema.administration.answers import Administrator
from onema.administration.data_folder import DataFolderError
from onema.administration.requests import ShowSms
from onema.administration.socket import ControlClient, ControlError, connect
from onema.cli.output import CliError
from onema.cli.session import open_database
from onema.domain.refusals import Refused
from onema.settings import Settings
from onema.storage.contract import StorageError

MOST_WAITING = 1_000
"""Messages that are still to be shown; more are not shown."""


class HandsetPage:
    """Shows messages on the page of the server that runs on the data folder, or of those that use the database. While
    there is none, and for numbers that no phone has, `show` does nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: asyncio.Queue[ShowSms] = asyncio.Queue(MOST_WAITING)
        self._administrator: Administrator | None = None
        """Whoever answered last; None while there is nobody."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._work = asyncio.create_task(self._show_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._stack.aclose()

    def show(self, phone: str, sender: str, text: str) -> None:
        """Show it soon."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(ShowSms(phone=phone, sender=sender, text=text))

    async def _show_all(self) -> None:
        while True:
            request = await self._waiting.get()
            # The second time, of a server that was started again.
            for _ in range(2):
                if await self._shown(request):
                    break

    async def _shown(self, request: ShowSms) -> bool:
        """Whether there is nothing more to be done."""
        try:
            administrator = self._administrator = self._administrator or await self._connect()
            if administrator is not None:
                await administrator.answer(request)
        except Refused:
            return True
        except (CliError, ControlError, DataFolderError, StorageError, OSError):
            if isinstance(self._administrator, ControlClient):
                await self._administrator.close()
            self._administrator = None
            return False
        return True

    async def _connect(self) -> Administrator | None:
        if self._settings.database:
            return await open_database(self._settings, self._stack, creates=False)
        return await connect(self._settings.data) if self._settings.data.is_dir() else None
