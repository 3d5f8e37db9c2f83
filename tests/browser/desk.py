"""A console on a real socket, over a real inbox, with calls that the test steers."""

import asyncio
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import argon2
import msgspec

from onema.channels.contract import Outgoing
from onema.channels.handset.calls import CallState, LiveCall
from onema.console.app import build_console
from onema.console.handset.inbox import HandsetInbox
from onema.console.handset.routes import DemoHints, Hint
from onema.domain.configuration.configure import Configure
from onema.domain.configuration.documents import User
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload
from onema.domain.ids import AccountId, MessageId, compose_id
from onema.domain.keyring import Keyring
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.ports import IdSource, SystemClock, SystemEntropy
from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.http.server import HttpServer
from onema.storage.sqlite.storage import SqliteStorage
from onema.telemetry.metrics import Metrics

HINTS: DemoHints = (
    Hint(
        "eSMS: send a code",
        "curl 'http://127.0.0.1:8400/MainService.svc/json/SendMessageAutoGenCode_V4_get"
        "?Phone=0901888484&ApiKey=demo&SecretKey=demo-secret&TimeAlive=5&Brandname=ONEMA"
        "&Type=2&message=%7BOTP%7D%20la%20ma%20xac%20minh%20cua%20ban'",
    ),
    Hint("eSMS: check it", "curl 'http://127.0.0.1:8400/MainService.svc/json/CheckCodeGen_V4_get?...'"),
)
_RATE = 8_000


class ToneAudio:
    """Stands in for speech: one beep per character of the code."""

    async def prepare(self, call: CallPayload) -> None:
        """Nothing needs it."""

    def wav(self, call: CallPayload) -> bytes:
        samples = [
            int(
                9_000 * math.sin(index / _RATE * 2 * math.pi * 440) * (0.4 + 0.6 * math.sin(index / 900) ** 2)
            )
            if index % 4_000 < 2_600
            else 0
            for index in range(4_000 * len(call.code))
        ]
        pcm = struct.pack(f"<{len(samples)}h", *samples)
        fmt = struct.pack("<HHIIHH", 1, 1, _RATE, 2 * _RATE, 2, 16)
        head = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(pcm))
        return b"RIFF" + struct.pack("<I", len(head) + len(pcm)) + head + pcm

    def peaks(self, call: CallPayload, n: int) -> list[float]:
        return [abs(math.sin(index * 0.9) * math.sin(index * 0.23 + 1)) for index in range(n)]

    def sentence(self, call: CallPayload) -> str:
        return call.sentence or "Mã xác nhận của bạn là"


class ScriptedCalls:
    """A CallControl whose calls the test lets ring and end."""

    def __init__(self) -> None:
        self._states: dict[int, LiveCall] = {}
        self._change = asyncio.Event()

    @property
    def states(self) -> Mapping[int, LiveCall]:
        return self._states

    async def changed(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._change.wait()
        except TimeoutError:
            return

    async def answer(self, call: int) -> bool:
        now = SystemClock().now()
        return self._step(call, CallState.RINGING, state=CallState.TALKING, answered_at=now)

    async def decline(self, call: int) -> bool:
        ringing = self._states[call].state is CallState.RINGING
        ending = "declined" if ringing else ""
        return self._step(call, self._states[call].state, state=CallState.ENDED, ending=ending)

    async def press(self, call: int, digit: str) -> bool:
        return self._step(call, CallState.TALKING, digits=self._states[call].digits + digit)

    def ring(self, call: int, phone: str, caller: str) -> None:
        self._put(LiveCall(id=call, phone=Phone(phone), caller=caller, state=CallState.RINGING))

    def _step(self, call: int, expected: CallState, **changes: object) -> bool:
        live = self._states.get(call)
        if live is None or live.state is not expected or live.state is CallState.ENDED:
            return False
        self._put(msgspec.structs.replace(live, **changes))
        return True

    def _put(self, call: LiveCall) -> None:
        self._states[call.id] = call
        change, self._change = self._change, asyncio.Event()
        change.set()


class Desk:
    """`async with Desk(folder) as desk`; then `desk.sms(...)` and `desk.call(...)`."""

    def __init__(
        self, folder: Path, *, calls: bool = True, open_on_loopback: bool = True, port: int = 0
    ) -> None:
        keyring = Keyring(bytes(range(32)))
        self.clock = SystemClock()
        self._storage = SqliteStorage(folder / "onema.db")
        self._ids = IdSource(self.clock, 1)
        metrics = Metrics()
        self._committer = Committer(
            self._storage, keyring, self.clock, self._ids, batch_limit=100, lease_ms=1_000, observer=metrics
        )
        gateway = self._gateway = Gateway(self._committer, self.clock, self._ids, SystemEntropy())
        self._inbox = HandsetInbox(gateway, self._storage, keyring)
        self.calls = ScriptedCalls()
        stopping = asyncio.Event()
        console = build_console(
            inbox=self._inbox,
            gateway=gateway,
            keyring=keyring,
            read=self._storage.read,
            open_on_loopback=open_on_loopback,
            stopping=stopping,
            audio=ToneAudio(),
            calls=self.calls if calls else None,
            demo=HINTS,
        )
        application = HttpApplication((), console, TrustedProxies(), lambda: True, metrics)
        self._server = HttpServer(application, "127.0.0.1", port, on_stopping=stopping)

    async def __aenter__(self) -> "Desk":
        await self._storage.open()
        await self._committer.start()
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(5.0)
        await self._committer.stop()
        await self._storage.close()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def add_user(self, name: str, password: str) -> None:
        user = User(name=name, password_hash=argon2.PasswordHasher().hash(password))
        await self._gateway.execute(Configure(entropy=self._gateway.token(32), documents=(user,)))

    async def sms(self, phone: str, sender: str, text: str, minutes_ago: float = 0) -> int:
        return await self._receive(SmsPayload(Phone(phone), sender, text, 0), minutes_ago)

    async def call(self, phone: str, caller: str, code: str, minutes_ago: float = 0) -> int:
        payload = CallPayload(Phone(phone), caller, "vi-north", code, None, 2, 1.0, 60, 0)
        return await self._receive(payload, minutes_ago)

    async def _receive(self, payload: Payload, minutes_ago: float) -> int:
        message = self._ids.next()
        if minutes_ago:
            message = compose_id(self.clock.now() - int(minutes_ago * 60_000), 1, message & 0xFFF)
        await self._inbox.receive(Outgoing(AccountId(1), MessageId(message), 1, payload))
        return message
