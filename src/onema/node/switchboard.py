import asyncio

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from onema.channels.handset.calls import LiveCall
from onema.node.line import Line, LineClosed
from onema.node.messages import Answer, Calls, News, Question, ReadMetrics, ReadReadiness, Steer
from onema.telemetry.merged_metrics import MergedMetrics


class Switchboard:
    """Connects the workers of a node, so that each of them can answer for all."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lines: dict[int, Line] = {}
        """By number, to those that serve."""
        self._calls: dict[int, Calls] = {}
        """By number, what each said last of its live calls."""
        self._metrics = MergedMetrics()
        self._restarts = 0
        """Workers that are gone, each of which is started again."""

    def __len__(self) -> int:
        """How many workers serve now."""
        return len(self._lines)

    def join(self, worker: int, line: Line) -> None:
        """The worker serves from now on."""
        self._lines[worker] = line
        line.tell(self._calls_elsewhere(worker))

    def leave(self, worker: int) -> None:
        """The worker is gone, and its live calls with it; what it counted stays counted."""
        self._restarts += 1
        self._lines.pop(worker, None)
        self._metrics.retire(worker)
        if self._calls.pop(worker, None):
            self._spread_calls(worker)

    def hear(self, worker: int, news: News) -> None:
        if isinstance(news, Calls):
            self._calls[worker] = news
            self._spread_calls(worker)

    async def answer(self, question: Question) -> Answer:
        match question:
            case ReadReadiness():
                return await self._all_ready()
            case ReadMetrics():
                return await self._read_metrics()
            case Steer(call):
                return await self._steer(call, question)

    async def _all_ready(self) -> bool:
        answers = await self._ask_all(ReadReadiness())
        return len(answers) == self._workers and all(answers.values())

    async def _read_metrics(self) -> str:
        answers, ready = await asyncio.gather(self._ask_all(ReadMetrics()), self._all_ready())
        for worker, text in answers.items():
            self._metrics.update(worker, str(text))
        own = (
            GaugeMetricFamily("onema_ready", "1 when all workers are ready to serve", float(ready)),
            CounterMetricFamily(
                "onema_worker_restarts", "Workers started again after they died", self._restarts
            ),
        )
        return self._metrics.render(own).decode()

    async def _ask_all(self, question: Question) -> dict[int, Answer]:
        """The answers of those that answered in time and are still there."""
        lines = dict(self._lines)
        answers = await asyncio.gather(
            *(line.ask(question) for line in lines.values()), return_exceptions=True
        )
        return {
            worker: answer
            for (worker, line), answer in zip(lines.items(), answers, strict=True)
            if not isinstance(answer, BaseException) and self._lines.get(worker) is line
        }

    async def _steer(self, call: int, question: Steer) -> bool:
        for worker, news in self._calls.items():
            if any(live.id == call for live in news.calls):
                try:
                    return bool(await self._lines[worker].ask(question))
                except LineClosed:
                    return False
        return False

    def _spread_calls(self, worker: int) -> None:
        for other, line in self._lines.items():
            if other != worker:
                line.tell(self._calls_elsewhere(other))

    def _calls_elsewhere(self, worker: int) -> Calls:
        others = [news for other, news in self._calls.items() if other != worker]
        calls: list[LiveCall] = [call for news in others for call in news.calls]
        return Calls(tuple(calls), any(news.watched for news in others))
