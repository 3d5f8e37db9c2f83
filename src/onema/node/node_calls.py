from collections.abc import Mapping
from typing import Literal

from onema.channels.handset.calls import HandsetCalls, LiveCall
from onema.node.line import ASK_ALL_SECONDS, Line, LineClosed
from onema.node.messages import Calls, Steer


class NodeCalls:
    """The live calls of all workers of a node, for the handset page that one of them shows (a CallControl).

    It tells the others of this worker's own calls and of its watchers: a call rings when any worker's page is
    open.
    """

    def __init__(self, own: HandsetCalls, line: Line) -> None:
        self._own = own
        self._line = line
        self._elsewhere: dict[int, LiveCall] = {}
        """The live calls of the other workers; replaced by `hear`."""
        self._told = Calls()
        """What the others heard last, so that they hear of changes only."""
        own.on_news = self._tell

    @property
    def states(self) -> Mapping[int, LiveCall]:
        return self._elsewhere | dict(self._own.states)

    async def changed(self, seconds: float) -> None:
        await self._own.changed(seconds)

    async def answer(self, call: int) -> bool:
        return await self._steer(call, "answer")

    async def decline(self, call: int) -> bool:
        return await self._steer(call, "decline")

    async def press(self, call: int, digit: str) -> bool:
        return await self._steer(call, "press", digit)

    def hear(self, news: Calls) -> None:
        """What the other workers' calls are now."""
        self._own.watched_elsewhere = news.watched
        elsewhere = {call.id: call for call in news.calls}
        if elsewhere != self._elsewhere:
            self._elsewhere = elsewhere
            self._own.wake()

    async def steer_own(self, steer: Steer) -> bool:
        """What another worker's page does to a call of this one."""
        match steer.step:
            case "answer":
                return await self._own.answer(steer.call)
            case "decline":
                return await self._own.decline(steer.call)
            case "press":
                return await self._own.press(steer.call, steer.digit)

    async def _steer(self, call: int, step: Literal["answer", "decline", "press"], digit: str = "") -> bool:
        steer = Steer(call, step, digit)
        if call in self._own.states:
            return await self.steer_own(steer)
        try:
            return bool(await self._line.ask(steer, ASK_ALL_SECONDS))
        except LineClosed:
            return False

    def _tell(self) -> None:
        news = Calls(tuple(self._own.states.values()), self._own.watched)
        if news != self._told:
            self._told = news
            self._line.tell(news)
