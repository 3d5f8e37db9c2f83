"""One bind, for as long as the carrier wants it: made, made again after it is lost, unbound in the end."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence

from onema.channels.sms_smpp.configuration import Where
from onema.channels.sms_smpp.link import Link, LinkLost
from onema.channels.sms_smpp.outcomes import OTHER, STATUSES
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import Frame

PAUSES_SECONDS = (0.5, 30.0)
"""Before the next try at first, doubled each time, and at last; half of it is by chance, so that many binds do not
come back at once.
"""
STEADY_SECONDS = 10.0
"""A bind that was up for so long, or that took a message, is made again soon."""
UNBIND_SECONDS = 0.4
"""How long the SMSC may take to answer unbind."""


class BindRefused(Exception):
    """The SMSC refused it; the text has the status."""


class Bind:
    """`number` tells a carrier's binds apart, and which address each tries first."""

    def __init__(
        self,
        number: int,
        addresses: Sequence[Where],
        command: int,
        body: bytes,
        *,
        make_link: Callable[[], Link],
        tls: ssl.SSLContext | None,
        server_name: str,
        connect_seconds: float,
        on_change: Callable[["Bind"], None],
        chance: Callable[[], float],
    ) -> None:
        self.number = number
        self.command = command
        self.link: Link | None = None
        """The connection while it is bound."""
        self.problem = ""
        """Why it is not bound, the last time that it was not."""
        self._addresses = addresses
        self._body = body
        self._make_link = make_link
        self._tls = tls
        self._server_name = server_name
        self._connect_seconds = connect_seconds
        self._on_change = on_change
        """Called when it is bound and when it is lost."""
        self._chance = chance
        self._task: asyncio.Task[None] | None = None
        """From `begin` to the end of its life."""
        self._connecting: Link | None = None

    @property
    def in_use(self) -> bool:
        """Whether a connection may be there."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._live(), name=f"bind-{self.number}")

    def tick(self) -> None:
        if self.link is not None:
            self.link.tick()

    async def end(self, drain_seconds: float, settled: Callable[[], Awaitable[None]]) -> None:
        """Wait for answers, but no longer; unbind and close. `settled` is waited for, too."""
        link = self.link
        if link is not None and not link.lost.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_seconds):
                    await link.drained()
                    await settled()
            with contextlib.suppress(TimeoutError, LinkLost):
                async with asyncio.timeout(UNBIND_SECONDS):
                    await link.unbind()
            link.close("it was unbound")
            await asyncio.shield(link.lost)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _live(self) -> None:
        tries, loop = 0, asyncio.get_running_loop()
        try:
            while True:
                where = self._addresses[(self.number + tries) % len(self._addresses)]
                began = loop.time()
                try:
                    link = await self._bound(where)
                except (OSError, UnicodeError, LinkLost, BindRefused) as error:
                    why = str(error) or "no answer in time"
                else:
                    self.link, self.problem = link, ""
                    self._on_change(self)
                    why = await asyncio.shield(link.lost)
                    self.link = None
                    if link.worked or loop.time() - began >= STEADY_SECONDS:
                        tries = 0
                self.problem = f"{where.host}:{where.port}: {why}"
                self._on_change(self)
                first, last = PAUSES_SECONDS
                longest = min(first * 2.0 ** min(tries, 16), last)
                await asyncio.sleep(longest * (0.5 + self._chance() / 2))
                tries += 1
        finally:
            self._drop()

    async def _bound(self, where: Where) -> Link:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_seconds):
            _, link = await loop.create_connection(
                self._make_link,
                where.host,
                where.port,
                ssl=self._tls,
                server_hostname=(self._server_name or where.host) if self._tls else None,
            )
        self._connecting = link
        try:
            async with asyncio.timeout(self._connect_seconds):
                answer = await link.bind(self.command, self._body)
        except TimeoutError:
            link.abort("the bind was not answered")
            raise LinkLost("the bind was not answered") from None
        except BaseException:
            link.abort("it was given up")
            raise
        if answer.status != statuses.ESME_ROK or not link.session.is_bound:
            link.close("the bind was refused")
            raise BindRefused(_refusal(answer))
        self._connecting = None
        return link

    def _drop(self) -> None:
        """Whatever connection is left goes."""
        for link in (self.link, self._connecting):
            if link is not None:
                link.abort("the carrier was stopped")
        self.link = self._connecting = None


def _refusal(answer: Frame) -> str:
    name, status = statuses.name_of(answer.status), f"0x{answer.status:08x}"
    told = name if name == status else f"{name} ({status})"
    meaning = STATUSES.get(answer.status, OTHER)
    return f"the bind was refused: {told}, {meaning.words}"
