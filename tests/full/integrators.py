"""Integrators that use codes while the world falls apart, and remember what they were told."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

SERVICE = "/MainService.svc/json"
TRY_LATER = "99"
ATTEMPTS = 5
LOOKS = 100


class Broken(Exception):
    """The connection ended without an answer: what was asked may have happened or not."""


class Told:
    """What all integrators were told."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.accepted: list[int] = []
        self.verified: Counter[str] = Counter()
        self.exhausted: list[int] = []
        """Messages whose code was tried wrongly as often as is allowed."""
        self.finished = 0
        self._news = asyncio.Condition()

    async def count(self, answer: str) -> None:
        async with self._news:
            self.answers[answer] += 1
            self._news.notify_all()

    async def finish(self) -> None:
        async with self._news:
            self.finished += 1
            self._news.notify_all()

    async def finishes(self, codes: int) -> None:
        """Wait until so many codes were used, or given up."""
        async with self._news:
            await self._news.wait_for(lambda: self.finished >= codes)

    async def later(self) -> None:
        """Wait until somebody is told to try later from now on."""
        async with self._news:
            before = self._later
            await self._news.wait_for(lambda: self._later > before)

    @property
    def _later(self) -> int:
        return sum(count for answer, count in self.answers.items() if answer.endswith(TRY_LATER))


class Integrator:
    """One connection to one node at a time; `serving` is set while no fault is being caused."""

    def __init__(
        self, ports: list[int], keys: dict[str, str], dice: random.Random, serving: asyncio.Event, told: Told
    ) -> None:
        self._ports = ports
        self._keys = {name: keys[name] for name in ("ApiKey", "SecretKey")}
        self._text = {name: keys[name] for name in ("Brandname", "message")}
        self._dice = dice
        self._serving = serving
        self._told = told
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def use_codes(self, phones: Iterator[str]) -> None:
        """Send a code to each phone and read it; check it twice, or every tenth wrongly until it is dead."""
        for number, phone in enumerate(phones):
            try:
                await self._use_code(phone, wrongly=number % 10 == 9)
            except Broken:
                await self._told.count("broken")
            await self._told.finish()

    async def _use_code(self, phone: str, *, wrongly: bool) -> None:
        sms = {"Phone": phone, "Type": "2", "IsNumber": "1", **self._text}
        answer = await self._insist("send", "SendMessageAutoGenCode_V4_get", **sms)
        if answer["CodeResult"] != "100":
            return
        message = int(answer["SMSID"], 16)
        self._told.accepted.append(message)
        for _ in range(LOOKS):
            received = await self._ask("/handset/messages", to=phone)
            if received and not isinstance(received, dict):
                break
        else:
            await self._told.count("phone not read")
            return
        code = received[0]["text"][:6]
        if wrongly:
            wrong = f"{(int(code) + 1) % 1_000_000:06}"
            for _ in range(ATTEMPTS):
                await self._check(phone, wrong)
            self._told.exhausted.append(message)
        for _ in range(2):
            right = await self._check(phone, code)
            self._told.verified[phone] += right
            assert not (right and wrongly), "a dead code was accepted"

    async def _check(self, phone: str, code: str) -> bool:
        answer = await self._insist("check", "CheckCodeGen_V4_get", Phone=phone, Code=code)
        return str(answer["CodeResult"]) == "100"

    async def _insist(self, what: str, operation: str, **query: str) -> Any:
        """The answer that is not "try later"."""
        while True:
            answer = await self._ask(f"{SERVICE}/{operation}", **self._keys, **query)
            await self._told.count(f"{what} {answer['CodeResult']}")
            if answer["CodeResult"] != TRY_LATER:
                return answer
            await self._serving.wait()

    async def _ask(self, path: str, **query: str) -> Any:
        """The JSON answer. Raises Broken."""
        try:
            if self._connection is None:
                self._connection = await asyncio.open_connection("127.0.0.1", self._dice.choice(self._ports))
            reader, writer = self._connection
            writer.write(f"GET {path}?{urlencode(query)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            )
            return json.loads(await reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            # A node that was killed comes back; asking on meanwhile would only use up the codes.
            await self._serving.wait()
            raise Broken from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


class CallbackReceiver:
    """An integrator's web server; `ended` is how each message was said to have ended."""

    def __init__(self) -> None:
        self.ended: dict[int, str] = {}

    async def start(self) -> str:
        """The URL to call back."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ended"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
                self.ended[int(query["SMSID"][0], 16)] = query["SendSuccess"][0]
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one)
