"""What carriers made of codes in the last days, for whoever chooses among them."""

from onema.domain.delivery.results import Results
from onema.domain.statistics import ALL, DAY_MS, FRESH_MS, HOUR_MS, Statistics, figures_in, read_cell
from onema.engine.gateway import Gateway
from onema.engine.loops import Loop
from onema.engine.statistics_rows import rows_between
from onema.storage.contract import Storage, StorageError

EVERY_SECONDS = 60.0
WINDOW_DAYS = 7
HALF_LIFE_MS = DAY_MS
"""What is older by so much counts half: carriers change, and must be able to show it."""


class RecentResults:
    """Holds the newest results while a route goes by them; None before the first round, while none does, and while the
    store cannot be read for long. Sending reads them from memory.
    """

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage
        self._loop = Loop("recent-results", self.refresh, every_seconds=EVERY_SECONDS, expected=StorageError)
        self.results: Results | None = None

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def refresh(self) -> None:
        if not self._gateway.directory.by_result:
            self.results = None
            return
        now = self._gateway.now()
        # Of an hour that has just ended some codes may still be typed in.
        until = (now - FRESH_MS) // HOUR_MS * HOUR_MS
        rows = await rows_between(self._storage, ALL, until - WINDOW_DAYS * DAY_MS, until, now=now)
        self.results = results_of(rows, now)


def results_of(rows: list[Statistics], now: int) -> Results:
    """With what is older counting less."""
    results = Results()
    for row in rows:
        weight = 0.5 ** (max(now - row.start - row.span / 2, 0) / HALF_LIFE_MS)
        for figures in figures_in(row).values():
            for name, one in figures.quality.items():
                cell = read_cell(name)
                tried, verified = weight * one.tried_codes, weight * one.tried_verified
                results.add(cell.channel, cell.carrier, cell.operator, cell.prefix, tried, verified)
    return results
