"""A plain ESME for tests of SMSCs: the protocol's session on a socket, and nothing clever."""

import asyncio
import ssl
from typing import Any, Self

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.addresses import destination, source
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.parts import Concatenation, outgoing_parts
from onema.protocols.smpp.pdus import Bind, DataSm, ShortMessage, decode
from onema.protocols.smpp.session import Answer, Broken, Request, Role, Session, Unanswered

PATIENCE_SECONDS = 20.0


class Esme:
    """Binds, submits and acknowledges. `received` is what came by deliver_sm and data_sm, `answer` what that gets."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self._session = Session(Role.ESME, window=1_000, answer_seconds=PATIENCE_SECONDS)
        self._answers: dict[int, asyncio.Future[Frame | None]] = {}
        self._news = asyncio.Event()
        self.received: list[ShortMessage | DataSm] = []
        self.raw: list[Frame] = []
        self.answer = statuses.ESME_ROK
        self.broken = ""

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        self._work = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        self._writer.transport.abort()

    async def ask(self, command: int, body: bytes = b"") -> Frame | None:
        """The response; None when none comes before the link ends."""
        answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._session.request(command, body, answer)
        self._write()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer

    async def bind(
        self, system_id: str = "acme", password: str = "", command: int = c.BIND_TRANSCEIVER
    ) -> int:
        """The status."""
        answer = await self.ask(
            command, Bind(system_id=system_id.encode(), password=password.encode()).encode()
        )
        return answer.status if answer is not None else -1

    async def submit(
        self, phone: str, text: str = "482913 is your code", sender: str = "Acme", **fields: Any
    ) -> list[Frame | None]:
        """The answers to all parts."""
        concatenation = fields.pop("concatenation", Concatenation.UDH)
        parts = outgoing_parts(text, reference=7, concatenation=concatenation)
        bodies = [
            ShortMessage(
                source=source(sender),
                destination=destination(phone),
                esm_class=part.esm_class,
                data_coding=part.data_coding,
                short_message=part.octets,
                **{"registered_delivery": 1, **fields},
            ).encode()
            + part.tlvs
            for part in parts
        ]
        return await asyncio.gather(*(self.ask(c.SUBMIT_SM, body) for body in bodies))

    async def receives(self, count: int) -> list[ShortMessage | DataSm]:
        """All that was received, once it is so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.received) < count:
                await self._news.wait()
                self._news.clear()
        return self.received

    def _write(self) -> None:
        self._writer.write(self._session.data_to_send())

    async def _read(self) -> None:
        data = b"begin"
        while data:
            try:
                data = await self._reader.read(65_536)
            except ConnectionError:
                data = b""
            for event in self._session.receive(data) if data else self._session.close():
                self._on(event)
            self._write()
        self._news.set()

    def _on(self, event: object) -> None:
        if isinstance(event, Answer | Unanswered):
            if not event.token.done():
                event.token.set_result(event.frame if isinstance(event, Answer) else None)
        elif isinstance(event, Request):
            self.raw.append(event.frame)
            self._session.answer(event.frame, self.answer, b"\0")
            body = decode(event.frame)
            assert isinstance(body, ShortMessage | DataSm)
            self.received.append(body)
            self._news.set()
        elif isinstance(event, Broken):
            self.broken = event.why
