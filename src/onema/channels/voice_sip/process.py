"""The SIP engine of an App process: started, watched, started again, and shared by all carriers of the process."""

import asyncio
import contextlib
import itertools
import logging
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from onema.channels.voice_sip import line as l

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "onema.channels.voice_sip.engine")
STEADY_SECONDS = 10.0
"""An engine that ran for so long is started again at once when it dies."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
END_SECONDS = 1.0
"""How long an engine that nobody needs any more may take to end."""
_SILENT_ROUNDS = 6
"""An engine that said nothing for so many times ALIVE_SECONDS hangs. Rounds are counted and not seconds, so that an App
that was itself stopped for a while does not take its own silence for the engine's."""
_MOST_CLIP_OCTETS = 64 * 1024 * 1024
"""Sound that the engine keeps, twice so much with both laws: about two hours of it."""


class User(Protocol):
    """A carrier, as its engine sees it. None of these may raise or wait."""

    @property
    def trunk(self) -> l.Trunk: ...

    def engine_came(self) -> None:
        """A new one runs, and has been told of the trunk."""

    def engine_went(self) -> None:
        """What was under way over it is lost: nothing more is heard of those calls."""

    def hears(self, news: l.TrunkTold | l.CallMoved | l.CallEnded) -> None:
        """Of its trunk or its calls."""


class SipEngine:
    """Runs while a carrier has joined it."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._users: dict[str, User] = {}
        """By trunk."""
        self._calls: dict[int, User] = {}
        """Whose the calls are that are under way."""
        self._numbers = itertools.count(1)
        """Of calls and clips: none comes twice, whatever engine it was for."""
        self._clips: OrderedDict[bytes, int] = OrderedDict()
        """The numbers of the sound that the engine knows, the least used first."""
        self._clip_octets = 0
        self._line: l.Line | None = None
        """While an engine runs."""
        self._heard = 0
        """Its messages."""
        self._process: Process | None = None
        """The newest."""
        self._keeping: asyncio.Task[None] | None = None
        """While there are users."""

    @property
    def runs(self) -> bool:
        return self._line is not None

    @property
    def process_id(self) -> int | None:
        """Of the engine that runs."""
        return self._process.pid if self._process is not None and self._line is not None else None

    def join(self, user: User) -> None:
        """Have its trunk opened, now and by every engine that comes after this one. Safe twice."""
        if self._users.get(user.trunk.name) is user:
            return
        self._users[user.trunk.name] = user
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="sip-engine")
        elif self._line is not None:
            self._tell(l.OpenTrunk(user.trunk))
            user.engine_came()

    async def leave(self, user: User) -> None:
        """Have its trunk closed, and with the last one the engine. Safe twice."""
        if self._users.get(user.trunk.name) is not user:
            return
        del self._users[user.trunk.name]
        self._tell(l.CloseTrunk(user.trunk.name))
        if self._users or self._keeping is None:
            return
        keeping, self._keeping = self._keeping, None
        keeping.cancel()
        await asyncio.wait([keeping])

    def place(
        self, user: User, clips: Iterable[bytes], order: Callable[[int, tuple[int, ...]], l.PlaceCall]
    ) -> int:
        """Place a call that plays these; `order` is given its number and theirs. Raises LineClosed: none left."""
        if self._line is None:
            raise l.LineClosed
        number = next(self._numbers)
        self._line.tell(order(number, self._learnt(clips)))
        self._calls[number] = user
        return number

    def hang_up(self, call: int) -> None:
        """CallEnded follows, unless the engine went."""
        self._tell(l.HangUp(call))

    def _tell(self, order: l.Order) -> None:
        if self._line is not None:
            # Whoever waits for an answer hears that the engine went.
            with contextlib.suppress(l.LineClosed):
                self._line.tell(order)

    def _learnt(self, clips: Iterable[bytes]) -> tuple[int, ...]:
        """The clips' numbers, of which the engine knows each."""
        assert self._line is not None  # noqa: S101  # the caller looked
        numbers: list[int] = []
        for pcmu in clips:
            number = self._clips.get(pcmu)
            if number is None:
                number = self._clips[pcmu] = next(self._numbers)
                self._clip_octets += len(pcmu)
                self._line.tell(l.LearnClip(number, pcmu))
            else:
                self._clips.move_to_end(pcmu)
            numbers.append(number)
        while self._clip_octets > _MOST_CLIP_OCTETS and len(self._clips) > len(numbers):
            forgotten, number = self._clips.popitem(last=False)
            self._clip_octets -= len(forgotten)
            self._line.tell(l.ForgetClip(number))
        return tuple(numbers)

    # The process.

    async def _keep(self) -> None:
        """Keep an engine running until this is cancelled."""
        clock, pause = asyncio.get_running_loop().time, 0.0
        while True:
            began = clock()
            try:
                code = await self._run_one()
                log.error("the SIP engine died", extra={"action": "sip_engine", "exit": code})
            except OSError as error:
                log.error(
                    "the SIP engine cannot be started",
                    extra={"action": "sip_engine", "detail": error.strerror or type(error).__name__},
                )
            steady = clock() - began >= STEADY_SECONDS
            pause = 0.0 if steady else min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _run_one(self) -> int:
        """Its exit status, once it ended. Raises OSError where it cannot be started."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            starting = asyncio.create_task(
                asyncio.create_subprocess_exec(
                    *self._command,
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    # It ends with its line; Ctrl-C in a terminal is the server's to hear, which lets calls end.
                    start_new_session=True,
                )
            )
            try:
                process = self._process = await asyncio.shield(starting)
            except BaseException:
                ours.close()
                with contextlib.suppress(OSError):
                    await _end(await starting)
                raise
        line = self._line = l.to_engine(*await asyncio.open_unix_connection(sock=ours))
        watching = asyncio.create_task(self._watch(process))
        try:
            for user in list(self._users.values()):
                self._tell(l.OpenTrunk(user.trunk))
                user.engine_came()
            await line.run(self._hears)
        finally:
            watching.cancel()
            line.close()
            self._went()
            # Its line has ended, so it ends; one that does not is no engine any more.
            await asyncio.shield(asyncio.create_task(_end(process)))
        return process.returncode or 0

    async def _watch(self, process: Process) -> None:
        """Kill an engine that hangs: its line then ends."""
        heard, silent = self._heard, 0
        while silent < _SILENT_ROUNDS:
            await asyncio.sleep(l.ALIVE_SECONDS)
            silent = silent + 1 if self._heard == heard else 0
            heard = self._heard
        log.error("the SIP engine hangs and is killed", extra={"action": "sip_engine"})
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def _went(self) -> None:
        self._line = None
        self._calls.clear()
        self._clips.clear()
        self._clip_octets = 0
        for user in list(self._users.values()):
            user.engine_went()

    def _hears(self, news: Any) -> None:
        self._heard += 1
        match news:
            case l.CallMoved(call=call):
                if user := self._calls.get(call):
                    user.hears(news)
            case l.CallEnded(call=call):
                if user := self._calls.pop(call, None):
                    user.hears(news)
            case l.TrunkTold(name=name):
                if user := self._users.get(name):
                    user.hears(news)
            case l.Noted(sentence, fields):
                log.warning(sentence, extra={"action": "sip_engine", **fields})


async def _end(process: Process) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
