"""The one place where implementations meet: settings in, a running App out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Self

from onema.channels.contract import Carrier, ReceiptSink
from onema.channels.handset.carrier import HandsetCarrier
from onema.console.app import build_console
from onema.console.handset import DemoHints
from onema.console.inbox import HandsetInbox
from onema.delivery.callbacks import CallbackSender
from onema.delivery.carriers import CarrierFactory, CarrierRefused, RunningCarriers
from onema.delivery.sweeper import Sweeper
from onema.delivery.worker import DeliveryWorker, Receipts
from onema.dialects.esms.callbacks import EsmsCallbacks
from onema.dialects.esms.routes import EsmsApi
from onema.domain import documents as doc
from onema.domain.keyring import Keyring
from onema.engine.administration import Administration
from onema.engine.committer import Committer
from onema.engine.control import ControlServer
from onema.engine.data_folder import DataFolder
from onema.engine.gateway import Gateway
from onema.engine.ports import Clock, Entropy, IdSource, SystemClock, SystemEntropy
from onema.http.asgi import HttpApplication, WireApi
from onema.http.client_address import TrustedProxies
from onema.http.server import HttpServer, TlsFiles
from onema.settings import Settings
from onema.storage.contract import Storage
from onema.storage.sqlite import SqliteStorage
from onema.telemetry.health import Readiness
from onema.telemetry.metrics import Metrics

DAY_MS = 86_400_000


class App:
    """A running onema process: `async with App(settings) as app`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        storage: Callable[[Storage], Storage] = lambda storage: storage,
        carrier: Callable[[Carrier], Carrier] = lambda carrier: carrier,
        demo: DemoHints = (),
    ) -> None:
        """`storage` and `carrier` may wrap what would be used: that is how tests make them fail."""
        self.settings = settings
        self._clock = clock or SystemClock()
        self._entropy = entropy or SystemEntropy()
        self._wrap_storage = storage
        self._wrap_carrier = carrier
        self._demo = demo
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        self.metrics = Metrics()
        self.ready = Readiness("store", "listener")
        self.metrics.watch_readiness(self.ready)
        folder = stack.enter_context(DataFolder(settings.data))
        keyring = Keyring(folder.server_key(settings.server_key.reveal(), settings.server_key_path))
        self.storage = self._wrap_storage(SqliteStorage(folder.database))
        await self.storage.open()
        stack.push_async_callback(self.storage.close)

        lease_ms = int(settings.delivery.lease * 1000)
        ids = IdSource(self._clock, settings.node.number)
        self.committer = Committer(
            self.storage,
            keyring,
            self._clock,
            ids,
            batch_limit=settings.commit.batch_limit,
            lease_ms=lease_ms,
            observer=self.metrics,
        )
        await self.committer.start()
        stack.push_async_callback(self.committer.stop)
        self.gateway = Gateway(self.committer, self._clock, ids, self._entropy)
        self.inbox = HandsetInbox(self.gateway, self.storage, keyring)

        if "deliver" in settings.roles and not settings.delivery.paused:
            await self._start_delivery(stack, keyring, lease_ms)
        sweeper = Sweeper(
            self.committer,
            self.storage,
            self._clock,
            keep_inbox=settings.handset.keep_messages,
            keep_inbox_ms=settings.handset.keep_days * DAY_MS,
        )
        await sweeper.start()
        stack.push_async_callback(sweeper.stop)
        control = ControlServer(Administration(self.gateway, self.storage), settings.data)
        await control.start()
        stack.push_async_callback(control.stop)
        self.ready.mark("store")

        await self._listen(stack, keyring)

    async def _start_delivery(self, stack: AsyncExitStack, keyring: Keyring, lease_ms: int) -> None:
        callbacks = CallbackSender(self.gateway, self.storage, {"esms": EsmsCallbacks()})
        stack.push_async_callback(callbacks.stop)
        make = carrier_factory(self.inbox, Receipts(self.gateway))
        carriers = RunningCarriers(
            self.committer,
            lambda document: self._wrap_carrier(make(document)),
            (lambda _: None) if self.settings.handset.beside_carriers else refuse_handset_beside_carriers,
        )
        await carriers.start()
        stack.push_async_callback(carriers.stop)
        worker = DeliveryWorker(
            self.gateway,
            self.committer,
            self.storage,
            keyring,
            carriers,
            callbacks,
            concurrency=self.settings.delivery.concurrency,
            lease_ms=lease_ms,
            receipt_lifetime_ms=self.settings.delivery.receipt_lifetime * 1000,
        )
        await worker.start()
        stack.push_async_callback(worker.stop, self.settings.listen.stop_deadline)

    async def _listen(self, stack: AsyncExitStack, keyring: Keyring) -> None:
        listen = self.settings.listen
        stopping = asyncio.Event()
        proxies = TrustedProxies(listen.trusted_proxies)
        console = build_console(
            inbox=self.inbox if "console" in self.settings.roles else None,
            gateway=self.gateway,
            session_key=keyring.session_key,
            open_on_loopback=self.settings.handset.open_on_loopback,
            stopping=stopping,
            demo=self._demo,
        )
        application = HttpApplication(
            build_dialects(self.gateway, self.settings) if "api" in self.settings.roles else (),
            console,
            proxies,
            self.ready,
            self.metrics,
        )
        tls = TlsFiles(listen.tls_certificate, listen.tls_key) if listen.tls_certificate else None
        self.server = HttpServer(application, listen.host, listen.port, tls, stopping)
        await self.server.start()
        stack.push_async_callback(self.server.stop, listen.stop_deadline)
        self.ready.mark("listener")

    @property
    def port(self) -> int:
        return self.server.port


def build_dialects(gateway: Gateway, settings: Settings) -> Sequence[WireApi]:
    """The literal registry of wire APIs."""
    return (
        EsmsApi(
            gateway,
            time_alive_max=settings.esms.time_alive_max,
            invalid_code=settings.esms.invalid_code,
        ),
    )


def carrier_factory(inbox: HandsetInbox, receipts: ReceiptSink) -> CarrierFactory:
    """The literal registry of carrier types."""

    def make(carrier: doc.Carrier) -> Carrier:
        match carrier.type:
            case "handset":
                return HandsetCarrier(carrier.name, inbox, receipts)
            case unknown:
                raise CarrierRefused(f"Carrier {carrier.name!r} has the unknown type {unknown!r}.")

    return make


def refuse_handset_beside_carriers(carriers: Mapping[str, doc.Carrier]) -> None:
    """Codes of real people must not be readable on a simulated phone."""
    kinds = {carrier.type for carrier in carriers.values()}
    if "handset" in kinds and len(kinds) > 1:
        raise CarrierRefused(
            "The simulated handset is configured beside real carriers: codes could be read on it. Remove it "
            "with `onema carrier remove`, or set `handset.beside_carriers` if you mean it."
        )
