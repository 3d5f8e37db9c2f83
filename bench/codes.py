"""Rounds of codes on one running server: with delivery paused, or until every code is on its phone."""

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import apsw

from bench.measured import Figures, Load, Measured, Servers, Settled
from bench.requests import LIVE, DemoRequests, vietnamese_phone
from bench.server import ServerFailed, ServerProcess
from onema.loadtest.load import LoadGenerator
from onema.loadtest.requests import CodeRequests

CONNECTIONS = 64
PER_ROUND = 4_000
LIVE_PER_ROUND = 12_000
"""As long as one of codes takes, about."""

INBOX_PAGE = 1_000
"""What one look at the simulated phones shows at most: as many right codes can a round have."""

ANY_JOB = "SELECT 1 FROM jobs LIMIT 1"

AnythingDue = Callable[[], Awaitable[bool]]

_DRAIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.01
_SUCCESS, _WRONG = "100", "117"
_NO_CODE = "none"


class CodeRounds:
    """Sends rounds of requests to one server, or to several on one database, always for new phones."""

    def __init__(self, server: Servers, load: Load, anything_due: AnythingDue) -> None:
        """`anything_due` looks into the store, past the server."""
        self._server = server
        self._load = load
        self._requests = DemoRequests(server.data)
        self._phones_used = 0
        self._anything_due = anything_due

    async def live(self, figures: Figures) -> None:
        await figures.live.round(self._server, self._load, [LIVE] * LIVE_PER_ROUND, "200")

    async def paused(self, figures: Figures) -> None:
        """No code arrives, so every check is a wrong one, of a code that lives."""
        await self.live(figures)
        phones = await self._send(figures.gencode, self._requests.esms, PER_ROUND)
        await self._check(figures, [(phone, _NO_CODE) for phone in phones], _WRONG)

    async def gencodes(self, measured: Measured) -> None:
        """Codes alone, to new phones."""
        await self._send(measured, self._requests.esms, PER_ROUND)

    async def gencodes_delivered(self, measured: Measured) -> None:
        """The same, until every code is on its phone."""
        await self._send(measured, self._requests.esms, PER_ROUND, self._delivered)

    async def delivering(self, figures: Figures) -> None:
        """A GENCODE's CPU includes all until its message is delivered; every check is right."""
        await self.live(figures)
        phones = await self._send(figures.gencode, self._requests.esms, INBOX_PAGE, self._delivered)
        codes = await asyncio.to_thread(_read_codes, self._server.port, phones)
        await self._check(figures, codes, _SUCCESS)

    async def native_paused(self, figures: Figures) -> None:
        """The same as `paused`, through our own API."""
        begun = await self._create(figures, PER_ROUND)
        await self._check_native(figures, [(each["id"], _NO_CODE) for each in begun], is_right=False)

    async def native_delivering(self, figures: Figures) -> None:
        """The same as `delivering`, through our own API."""
        begun = await self._create(figures, INBOX_PAGE, self._delivered)
        phones = [f"0{each['to'].removeprefix('+84')}" for each in begun]
        codes = dict(await asyncio.to_thread(_read_codes, self._server.port, phones))
        typed = [(each["id"], codes[phone]) for each, phone in zip(begun, phones, strict=True)]
        await self._check_native(figures, typed, is_right=True)

    async def _create(
        self, figures: Figures, amount: int, settled: Settled | None = None
    ) -> list[dict[str, str]]:
        """What each of so many requests was answered."""
        requests, begun = self._requests.native, []

        def classify(status: int, body: bytes) -> str:
            begun.append(body)
            return requests.classify(status, body)

        prepared = [requests.send(number) for number in self._new_phones(amount)]
        await figures.create.round(self._server, self._load, prepared, requests.accepted, classify, settled)
        return [json.loads(body) for body in begun]

    async def _check_native(
        self, figures: Figures, typed: Sequence[tuple[str, str]], *, is_right: bool
    ) -> None:
        valid = b'"valid":true'
        await figures.check.round(
            self._server,
            self._load,
            self._requests.check_native(typed),
            str(is_right),
            lambda status, body: str(valid in body) if status == 200 else str(status),
        )

    async def at_rate(self, figures: Figures, rate: int, seconds: float) -> None:
        """So many GENCODEs a second, whoever waits; latency counts from when one was due. Raises ServerFailed."""
        codes, amount = self._requests.esms, round(rate * seconds)
        prepared = [codes.send(number) for number in self._new_phones(amount)]
        result = await self._load.at_rate(prepared, rate, seconds=seconds + 1, classify=codes.classify)
        if result.answers != {codes.accepted: amount}:
            raise ServerFailed(f"{rate} GENCODEs a second: {dict(result.answers)}, {result.lost} lost")
        figures.median_ms_by_round.append(result.latency.percentile(50) / 1000)
        await self._delivered()

    async def calls_paused(self, figures: Figures) -> None:
        await self._send(figures.vbee, self._requests.vbee, PER_ROUND)
        await self._send(figures.ytx, self._requests.ytx, PER_ROUND)

    async def calls_delivering(self, figures: Figures) -> None:
        """A call's CPU includes all until it has ended: nobody watches, so each is taken at once."""
        await self._send(figures.vbee, self._requests.vbee, INBOX_PAGE, self._delivered)
        await self._send(figures.ytx, self._requests.ytx, INBOX_PAGE, self._delivered)

    async def _send(
        self, measured: Measured, requests: CodeRequests, amount: int, settled: Settled | None = None
    ) -> list[str]:
        """Send a code to each of `amount` new phones; the phones, as Vietnamese clients write them."""
        numbers = self._new_phones(amount)
        prepared = [requests.send(number) for number in numbers]
        await measured.round(
            self._server, self._load, prepared, requests.accepted, requests.classify, settled
        )
        return [vietnamese_phone(number) for number in numbers]

    def _new_phones(self, amount: int) -> range:
        first = self._phones_used
        self._phones_used += amount
        return range(first, self._phones_used)

    async def _check(self, figures: Figures, codes: Sequence[tuple[str, str]], expected: str) -> None:
        await figures.checkcode.round(
            self._server,
            self._load,
            self._requests.checkcode(codes),
            expected,
            self._requests.esms.classify,
        )

    async def _delivered(self) -> None:
        """Wait until no delivery is left to do. Raises ServerFailed."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._anything_due():  # noqa: ASYNC110  # no event crosses processes
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
        except TimeoutError as error:
            raise ServerFailed(f"messages are not delivered after {_DRAIN_SECONDS:.0f} s") from error


@contextlib.asynccontextmanager
async def code_rounds(server: ServerProcess) -> AsyncIterator[CodeRounds]:
    """Of a server on a SQLite database."""
    with contextlib.closing(
        apsw.Connection(str(server.data / "onema.db"), flags=apsw.SQLITE_OPEN_READONLY)
    ) as store:

        async def anything_due() -> bool:
            return store.execute(ANY_JOB).fetchone() is not None

        async with LoadGenerator("127.0.0.1", server.port, CONNECTIONS) as load:
            yield CodeRounds(server, load, anything_due)


def _read_codes(port: int, numbers: Sequence[str]) -> list[tuple[str, str]]:
    """(phone, code) from the simulated phones; the demo's template begins with the code."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/handset/messages?limit={INBOX_PAGE}") as answer:
        code_of = {message["to"]: message["text"].split()[0] for message in json.load(answer)}
    return [(number, code_of[f"+84{number[1:]}"]) for number in numbers]
