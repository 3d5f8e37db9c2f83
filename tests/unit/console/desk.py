"""The console without a socket: an inbox in memory, and a small caller of ASGI applications."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlencode

import argon2
import msgspec
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message

from onema.administration.answers import Administrator
from onema.channels.handset.calls import CallState, LiveCall
from onema.console.app import build_console
from onema.console.door.login import PasskeyUse
from onema.console.door.openid import OpenIdClient
from onema.console.door.session import Sessions
from onema.console.handset.inbox import Received
from onema.console.operate.carrier_forms import CarrierKind
from onema.console.operate.samples import Samples
from onema.console.operate.speaker import Speaker
from onema.console.recording.studio import Studio
from onema.delivery.callback_contract import CallbackRenderer
from onema.domain.configuration.configure import Configure, directory_from_rows
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Account, Tariff, User, UserRole
from onema.domain.decision import Command, Context
from onema.domain.delivery.payload import CallPayload, SmsPayload
from onema.domain.door_rows import LoginTries, UserAccess
from onema.domain.ids import compose_id
from onema.domain.keyring import Keyring
from onema.domain.records import DirectoryRow, Key, Row
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.ports import IdSource, SystemEntropy
from onema.http.client_address import FORWARDED_HOST
from onema.storage.contract import Unavailable
from onema.testing.fake_clock import FakeClock
from onema.testing.pure_store import PureStore

from ...dialects.running_core import RunningCore

PASSWORD = "correct horse battery staple"
# The cheapest parameters: tests verify often.
_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
USERS = (
    User(name="lan", password_hash=_HASH),
    User(name="mai", password_hash=_HASH, role="viewer"),
    User(name="hoa", password_hash=_HASH, role="developer", customer_of="acme"),
    User(name="tam", password_hash=_HASH, role="operator"),
    User(name="chi", password_hash=_HASH, role="admin", customer_of="acme"),
    User(name="bao", password_hash=_HASH, role="viewer", customer_of="acme"),
)
"""An owner, a viewer of everything, and a developer of an account; an operator, and an admin and a viewer of it."""

_KEYRING = Keyring(bytes(32))


class MemoryInbox:
    """An InboxReader that the test fills."""

    def __init__(self) -> None:
        self.items: dict[int, Received] = {}
        self._arrival = asyncio.Event()
        self.reads = 0
        self.away = False
        """While true, reading fails."""

    def put(self, received: Received) -> None:
        self.items[received.id] = received
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()

    async def read(self, phone: str | None = None, after: int = 0, limit: int = 100) -> Sequence[Received]:
        self.reads += 1
        if self.away:
            raise Unavailable("no connection")
        newest_first = sorted(self.items.values(), key=lambda item: -item.id)
        wanted = [item for item in newest_first if item.id > after and phone in (None, item.payload.phone)]
        return wanted[:limit]

    async def phones(self, part: str = "", limit: int = 100) -> Sequence[Received]:
        newest = {item.payload.phone: item for _, item in sorted(self.items.items())}
        wanted = [item for item in newest.values() if part in item.payload.phone]
        return sorted(wanted, key=lambda item: -item.id)[:limit]

    async def find(self, item: int) -> Received | None:
        return self.items.get(item)

    async def something_new(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrival.wait()


class OneCall:
    """A CallControl with one call that rings."""

    def __init__(self, call: int) -> None:
        self.steps: list[str] = []
        self.states: Mapping[int, LiveCall] = {
            call: LiveCall(id=call, phone=Phone("+84901888484"), caller="19001234", state=CallState.RINGING)
        }

    async def changed(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def answer(self, call: int) -> bool:
        return self._step(call, "answer")

    async def decline(self, call: int) -> bool:
        return self._step(call, "decline")

    async def press(self, call: int, digit: str) -> bool:
        return self._step(call, f"press {digit}")

    def _step(self, call: int, step: str) -> bool:
        if call not in self.states:
            return False
        self.steps.append(step)
        return True


class Bytes:
    """An AudioSource whose "audio" is easy to compare."""

    async def prepare(self, call: CallPayload) -> None:
        """Nothing needs it."""

    def wav(self, call: CallPayload) -> bytes:
        return b"RIFF" + call.code.encode()

    def peaks(self, call: CallPayload, n: int) -> Sequence[float]:
        return [0.12345] * n

    def sentence(self, call: CallPayload) -> str:
        return call.sentence or "Your code is"


class Answer(msgspec.Struct):
    """`cookies` are those that it sets, by name."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str] = {}

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class _Directory:
    """All of a committer that the console's gateway looks at."""

    def __init__(self) -> None:
        self.know()

    def know(self, *users: User) -> None:
        kept = self._rows()
        self._store = PureStore(Context(Directory({}), _KEYRING))
        named = {user.customer_of for user in users if user.customer_of}
        accounts = [Account(name=name) for name in named]
        self._store.run(Configure(entropy=bytes(32), documents=(Tariff(name="default"), *accounts, *users)))
        self._store.rows.update({key: row for key, row in kept.items() if key[0] in (UserAccess, LoginTries)})

    def _rows(self) -> dict[Key, Row]:
        return self._store.rows if hasattr(self, "_store") else {}

    async def read(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        return {key: row for key, row in self._store.rows.items() if key in keys}

    @property
    def directory(self) -> Directory:
        rows = [row for row in self._store.rows.values() if isinstance(row, DirectoryRow)]
        return directory_from_rows(rows, 1, _KEYRING)

    async def execute(self, command: Command) -> Any:
        return self._store.run(command)


class Desk:
    """One console. `client` and `host` are what the next requests come from and ask for."""

    def __init__(
        self,
        *,
        inbox: MemoryInbox | None,
        open_on_loopback: bool = True,
        calls: OneCall | None = None,
        audio: Bytes | None = None,
        studio: Studio | None = None,
        administrator: Administrator | None = None,
        speaker: Speaker | None = None,
        carrier_kinds: Mapping[str, CarrierKind] = MappingProxyType({}),
        samples: Samples | None = None,
        renderers: Mapping[str, CallbackRenderer] = MappingProxyType({}),
        live_seconds: float = 60.0,
        core: RunningCore | None = None,
        second_factor: Collection[UserRole] = (),
        passkeys: PasskeyUse = "alone",
        signs_up: bool = False,
        provider: OpenIdClient | None = None,
        provider_role: UserRole | None = None,
    ) -> None:
        """With a `core` it has that one's users, and `directory` is nobody's."""
        self.clock = core.clock if core else FakeClock()
        self.stopping = asyncio.Event()
        self.directory = _Directory()
        self.directory.know(*USERS)
        self._ids = IdSource(self.clock, 1)
        self.inbox = inbox
        self.administrator = administrator
        gateway = (
            core.gateway
            if core
            else Gateway(cast(Committer, self.directory), self.clock, self._ids, SystemEntropy())
        )
        keyring, read = (core.keyring, core.storage.read) if core else (_KEYRING, self.directory.read)
        self.gateway = gateway
        self.sessions = Sessions(keyring, lambda: gateway.directory.users, gateway, read)
        self.app: ASGIApp = build_console(
            inbox=inbox,
            gateway=gateway,
            keyring=keyring,
            read=read,
            second_factor=second_factor,
            passkeys=passkeys,
            signs_up=signs_up,
            provider=provider,
            provider_role=provider_role,
            open_on_loopback=open_on_loopback,
            stopping=self.stopping,
            audio=audio,
            calls=calls,
            studio=studio,
            administrator=administrator,
            speaker=speaker,
            carrier_kinds=carrier_kinds,
            samples=samples,
            renderers=renderers,
            heartbeat_seconds=0.01,
            live_seconds=live_seconds,
        )
        self.client: tuple[str, int] | None = ("127.0.0.1", 50_000)
        self.headers = {"host": "127.0.0.1:8400"}
        self.scheme = "http"
        self.forwarded_host = ""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """All of the console's."""
        application = cast(Any, self.app)._app
        return cast(Sequence[BaseRoute], application.routes)

    def sms(self, phone: str = "+84901888484", text: str = "482913 is your code", age_ms: int = 0) -> int:
        assert self.inbox is not None
        fresh = self._ids.next()
        message = compose_id(self.clock.now() - age_ms, 1, fresh & 0xFFF) if age_ms else fresh
        self.inbox.put(Received(message, SmsPayload(Phone(phone), "ONEMA", text, 0)))
        return message

    def call(self, phone: str = "+84901888484", sentence: str | None = None) -> int:
        assert self.inbox is not None
        message = self._ids.next()
        payload = CallPayload(Phone(phone), "19001234", "en", "0471", sentence, 2, 1.0, 60, 0)
        self.inbox.put(Received(message, payload))
        return message

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, b"", headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """A form; one of a page has the session's token, unless it brings another."""
        form = {"token": self.form_token, **(form or {})} if path.startswith("/console") else form
        body = urlencode(form or {}).encode()
        return await self.post_bytes(path, body, "application/x-www-form-urlencoded", **headers)

    async def post_bytes(self, path: str, body: bytes, content_type: str, **headers: str) -> Answer:
        return await self._ask("POST", path, body, {**headers, "content_type": content_type})

    @property
    def form_token(self) -> str:
        jar = dict(one.split("=", 1) for one in self.headers.get("cookie", "").split("; ") if one)
        return self.sessions.form_token(jar.get("onema_session", "").strip('"'))

    async def log_in(self, name: str = "lan", password: str = PASSWORD) -> Answer:
        """Logs in; from then on the session's cookie is sent."""
        self.headers.pop("cookie", None)
        answer = await self.post("/login", {"name": name, "password": password})
        self.keep(answer)
        return answer

    def keep(self, answer: Answer) -> None:
        """Send the answer's cookies from now on, as a browser does."""
        jar = dict(one.split("=", 1) for one in self.headers.get("cookie", "").split("; ") if one)
        jar |= answer.cookies
        self.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items() if value)

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent: list[Message] = []
        requests = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            return next(requests, {"type": "http.disconnect"})

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(self.scope(method, path, headers), receive, send)
        return Answer(
            sent[0]["status"],
            _headers(sent[0]),
            b"".join(part.get("body", b"") for part in sent[1:]),
            dict(
                value.decode().partition(";")[0].split("=", 1)
                for name, value in sent[0]["headers"]
                if name == b"set-cookie"
            ),
        )

    @contextlib.asynccontextmanager
    async def events(self, **headers: str) -> AsyncIterator["Stream"]:
        stream = Stream()
        scope = self.scope("GET", "/handset/events", headers)
        task = asyncio.create_task(cast(Any, self.app(scope, stream.receive, stream.send)))
        task.add_done_callback(lambda _: stream.ended.set())
        try:
            yield stream
        finally:
            stream.gone.set()
            await task

    def scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = path.partition("?")
        named = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            FORWARDED_HOST: self.forwarded_host,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": self.client,
            "server": ("127.0.0.1", 8400),
        }


class Stream:
    """The events of one browser, one by one."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.ended = asyncio.Event()
        self._heartbeat = asyncio.Event()
        self._text = b""
        self._events: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self._text += message.get("body", b"")
        while b"\n\n" in self._text:
            block, self._text = self._text.split(b"\n\n", 1)
            if block.startswith(b":"):
                self._heartbeat.set()
            elif b"data:" in block:
                self._events.put_nowait(dict(line.split(": ", 1) for line in block.decode().split("\n")))

    async def next(self) -> dict[str, str]:
        return await asyncio.wait_for(self._events.get(), 5)

    async def next_heartbeat(self) -> None:
        self._heartbeat.clear()
        await asyncio.wait_for(self._heartbeat.wait(), 5)

    async def next_message(self) -> Any:
        """The next item, past everything else."""
        while (event := await self.next())["event"] != "message":
            pass
        return {**msgspec.json.decode(event["data"]), "event_id": event["id"]}


def _headers(start: Message) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in start["headers"]}
