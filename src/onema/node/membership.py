from collections.abc import Callable

from onema.channels.handset.calls import HandsetCalls
from onema.node.line import ASK_ALL_SECONDS, Line, LineClosed
from onema.node.messages import Answer, Calls, News, Question, ReadMetrics, ReadReadiness, Steer
from onema.node.node_calls import NodeCalls


class Membership:
    """A worker's place among those of its node: it answers for itself, and asks for all (a Health)."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._own_ready: Callable[[], bool] = lambda: False
        """Whether this worker is ready; set by `join`."""
        self._own_metrics: Callable[[], bytes] = lambda: b""
        """What this worker counts, in Prometheus' text format; set by `join`."""
        self._calls: NodeCalls | None = None
        """None until `join`."""

    def join(self, ready: Callable[[], bool], metrics: Callable[[], bytes], calls: HandsetCalls) -> NodeCalls:
        """Say how this worker is and what rings in it; what rings in all of them."""
        self._own_ready, self._own_metrics = ready, metrics
        self._calls = NodeCalls(calls, self._line)
        return self._calls

    async def ready(self) -> bool:
        """Whether all workers are."""
        try:
            return bool(await self._line.ask(ReadReadiness(), ASK_ALL_SECONDS))
        except LineClosed:
            return False

    async def metrics(self) -> bytes:
        """Those of all workers. Raises LineClosed."""
        return str(await self._line.ask(ReadMetrics(), ASK_ALL_SECONDS)).encode()

    async def answer(self, question: Question) -> Answer:
        """What the supervisor asks."""
        match question:
            case ReadReadiness():
                return self._own_ready()
            case ReadMetrics():
                return self._own_metrics().decode()
            case Steer():
                return self._calls is not None and await self._calls.steer_own(question)

    def hear(self, news: News) -> None:
        """What the supervisor tells."""
        if isinstance(news, Calls) and self._calls is not None:
            self._calls.hear(news)
