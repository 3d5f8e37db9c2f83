"""Work that is done again and again, from a start to a stop."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from onema.telemetry.faults import describe_fault

log = logging.getLogger(__name__)

AFTER_FAULT_SECONDS = 1.0


class Loop:
    """Runs one round after the other in a task of its own.

    `start` and `stop` may be called twice, `stop` before `start`, and a stopped loop may be started again. `stop`
    returns when nothing runs any more: a round under way is cancelled where it waits. A round that raises ends
    nothing: it is logged, unless it raised what is `expected`, and the next round comes after a pause.
    """

    def __init__(
        self,
        name: str,
        one_round: Callable[[], Awaitable[object]],
        *,
        every_seconds: float = 0.0,
        pauses_first: bool = False,
        expected: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> None:
        """Rounds are `every_seconds` apart, unless it is woken. A round that waits for its work by itself has none."""
        self._name = name
        self._one_round = one_round
        self._every_seconds = every_seconds
        self._pauses_first = pauses_first
        self._expected = expected
        self._task: asyncio.Task[None] | None = None
        """What runs the rounds; from `start` until `stop` has waited for its end."""
        self._is_stopping = False
        """Ends a task whose round has swallowed its cancellation."""
        self._woken = asyncio.Event()
        """Set by `wake`, cleared before each round."""

    def start(self) -> None:
        if self._task is None:
            self._is_stopping = False
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        if (task := self._task) is None:
            return
        self._is_stopping = True
        task.cancel()
        # Not awaited itself: whether the caller or the task was cancelled could not be told apart.
        await asyncio.wait([task])
        if self._task is task:
            self._task = None

    def wake(self) -> None:
        """There may be work: the next round comes without a pause. A round that left some says so too."""
        self._woken.set()

    async def _run(self) -> None:
        pause = self._every_seconds if self._pauses_first else 0.0
        while not self._is_stopping:
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
            # A round that never waits must not keep everybody else from theirs.
            await asyncio.sleep(0)
            # Before the round looks: who wakes it while it does is heard too.
            self._woken.clear()
            pause = await self._round()

    async def _round(self) -> float:
        """How many seconds to pause after it."""
        try:
            await self._one_round()
        except self._expected:
            return self._every_seconds
        # Whatever one round raises must not end those after it.
        except Exception as error:  # noqa: BLE001
            log.error(
                "a round failed, there will be others",
                extra={"action": self._name, "fault": describe_fault(error)},
            )
            return max(AFTER_FAULT_SECONDS, self._every_seconds)
        return self._every_seconds
