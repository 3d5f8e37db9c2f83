"""The engine: orders in, news out, and calls in between."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.engine.call import Call
from onema.channels.voice_sip.engine.network import Network
from onema.channels.voice_sip.engine.trunk import RunningTrunk
from onema.channels.voice_sip.locating import Resolver, SystemResolver
from onema.channels.voice_sip.media import Media
from onema.channels.voice_sip.ports import PortRange
from onema.channels.voice_sip.transports import Hop
from onema.protocols.sip.strangers import Strangers
from onema.telemetry.faults import describe_fault

LINGER_SECONDS = 5.0
"""How long an engine that ends goes on repeating its BYEs and CANCELs: over UDP the first may be lost."""


class _Sounds:
    """What the media of one range of ports tell, to the calls that they are about."""

    def __init__(self, calls: dict[int, Call]) -> None:
        self._calls = calls

    def played(self, call: int) -> None:
        if found := self._calls.get(call):
            found.played()

    def key(self, call: int, key: str) -> None:
        if found := self._calls.get(call):
            found.pressed(key)

    def heard(self, call: int) -> None:
        """Some far ends never say a word."""

    def refused(self, call: int) -> None:
        if found := self._calls.get(call):
            found.unheard()


class Engine:
    """`tell` gets its news; it must not raise."""

    def __init__(
        self,
        tell: Callable[[l.News], None],
        *,
        resolver: Resolver | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._tell = tell
        self._now_ms = now_ms
        self._resolver = resolver or SystemResolver()
        self._network = Network(self._resolver, Strangers(secrets.token_bytes(32)), self._failed, self._fault)
        self._trunks: dict[str, RunningTrunk] = {}
        self._calls: dict[int, Call] = {}
        """Those that have not ended."""
        self._media: dict[tuple[int, int] | None, Media] = {}
        """By range of ports; nearly always one."""
        self._clips: dict[int, bytes] = {}
        """What every range is to know."""
        self._closing: set[asyncio.Task[None]] = set()

    def hears(self, order: l.Order) -> None:
        match order:
            case l.PlaceCall():
                self._place(order)
            case l.HangUp(call):
                if found := self._calls.get(call):
                    found.hang_up()
            case l.LearnClip(clip, pcmu):
                self._clips[clip] = pcmu
                for media in self._media.values():
                    media.learn(clip, pcmu)
            case l.ForgetClip(clip):
                self._clips.pop(clip, None)
                for media in self._media.values():
                    media.forget(clip)
            case l.OpenTrunk(trunk):
                self._open(trunk)
            case l.CloseTrunk(name):
                self._close(name)

    def look(self) -> None:
        """Now and then: trunks say what changed by itself."""
        for trunk in self._trunks.values():
            trunk.look()

    async def stop(self) -> None:
        """Hang up everything, and leave when the far ends know, or soon."""
        for call in list(self._calls.values()):
            call.hang_up()
        for name in list(self._trunks):
            self._close(name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self._network.settled()
                await asyncio.gather(*self._closing)
        for media in self._media.values():
            media.close()
        self._network.close()

    def _place(self, order: l.PlaceCall) -> None:
        trunk = self._trunks.get(order.trunk)
        if trunk is None:
            self._tell(l.CallEnded(call=order.call, how=l.How.NOT_SENT, detail="its trunk is closed"))
            return
        call = self._calls[order.call] = Call(
            order,
            trunk,
            self._media_of(trunk.settings),
            tell=self._tell,
            over=self._over,
            now_ms=self._now_ms,
        )
        call.begin()

    def _over(self, call: int) -> None:
        self._calls.pop(call, None)

    def _open(self, settings: l.Trunk) -> None:
        self._close(settings.name)
        trunk = self._trunks[settings.name] = RunningTrunk(
            settings, self._network, self._resolver, self._tell
        )
        trunk.start()

    def _close(self, name: str) -> None:
        trunk = self._trunks.pop(name, None)
        if trunk is None:
            return
        for call in [one for one in self._calls.values() if one.trunk is trunk]:
            call.hang_up()
        task = asyncio.create_task(trunk.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _failed(self, hop: Hop, why: str) -> None:
        for trunk in self._trunks.values():
            trunk.failed(hop, why)

    def _fault(self, error: Exception) -> None:
        self._tell(l.Noted("a message failed in the SIP engine", {"fault": describe_fault(error)}))

    def _media_of(self, trunk: l.Trunk) -> Media:
        media = self._media.get(trunk.rtp_ports)
        if media is None:
            ports = PortRange(*trunk.rtp_ports) if trunk.rtp_ports else None
            media = self._media[trunk.rtp_ports] = Media(_Sounds(self._calls), ports=ports)
            for clip, pcmu in self._clips.items():
                media.learn(clip, pcmu)
            media.start()
        return media
