"""The one place where implementations meet: settings in, a running App out."""

import asyncio
import functools
import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Self

import onema
from onema.administration.socket import ControlServer
from onema.channels.contract import CallEvents, Carrier
from onema.channels.handset.calls import HandsetCalls
from onema.console.app import build_console
from onema.console.handset.calls import CallControl
from onema.console.handset.inbox import HandsetInbox
from onema.console.handset.routes import DemoHints
from onema.console.operate.carrier_forms import CarrierKind
from onema.console.recording.studio import Studio
from onema.delivery.call_events import CallEventRecorder
from onema.delivery.callback_client import CallbackClient
from onema.delivery.callback_contract import tells_of_calls
from onema.delivery.callbacks import CallbackSender
from onema.delivery.capacity import Capacity
from onema.delivery.carrier_reports import CarrierReports
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.carriers import CarrierRefused, RunningCarriers
from onema.delivery.code_checks import CodeChecks
from onema.delivery.dispatcher import JobDispatcher
from onema.delivery.finding_reports import FindingReports
from onema.delivery.live_reports import LiveReports
from onema.delivery.receipts import Receipts
from onema.delivery.sweeper import Sweeper
from onema.domain.configuration import documents as doc
from onema.domain.people.invitations import SET_UP_MS, has_owner, set_up_token
from onema.domain.records import JobKind
from onema.engine.challenges import GuardChallenges
from onema.engine.clock_check import ClockCheck
from onema.engine.directory_follower import DirectoryFollower
from onema.engine.key_follower import KeyFollower
from onema.engine.low_balances import LowBalances
from onema.engine.ports import Clock, Entropy, steady_seconds
from onema.engine.recent_results import RecentResults
from onema.engine.store_readings import StoreReadings
from onema.http.application import HttpApplication
from onema.http.client.client import PooledClient
from onema.http.client_address import TrustedProxies
from onema.http.not_served import NotServed, not_served
from onema.http.server import HttpServer, TlsFiles
from onema.http.webhooks import CarrierWebhooks
from onema.node.membership import Membership
from onema.settings import Settings
from onema.storage.contract import Storage
from onema.telemetry.health import Readiness
from onema.telemetry.metrics import Metrics
from onema.wiring.carriers import CARRIER_TYPES, Surroundings, Webhooks, carrier_factory
from onema.wiring.console_address import console_address
from onema.wiring.console_samples import ConsoleSamples
from onema.wiring.core import Core, choose_storage, counting, data_folder, open_core, serving_node
from onema.wiring.delivering import build_dispatcher
from onema.wiring.dialects import build_dialects
from onema.wiring.installation import handset_beside_carriers
from onema.wiring.login_provider import login_provider
from onema.wiring.probes import build_probes
from onema.wiring.tracing import open_traces

DAY_MS = 86_400_000
INBOX_POLL_SECONDS = 0.5
CAPTCHA_SECONDS = 5.0
"""So long the service of a captcha may take; the person waits."""
CAPTCHA_CONNECTIONS = 8

log = logging.getLogger(__name__)


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
        membership: Membership | None = None,
    ) -> None:
        """With a `membership` this process is one of several workers, which share the port.

        `storage` and `carrier` may wrap what would be used: that is how tests make them fail.
        """
        self.settings = settings
        self._process = process_name(settings)
        """What it is called among all processes."""
        self._clock = clock
        self._entropy = entropy
        self._wrap_storage = storage
        self._wrap_carrier = carrier
        self._demo = demo
        self._membership = membership
        self._stack = AsyncExitStack()
        self._server: HttpServer | None = None
        self._carriers: Mapping[str, Carrier] = {}

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
        self.ready = Readiness("store", "listener", "server key")
        self.metrics.watch_readiness(self.ready)
        self.metrics.tell_build(onema.__version__, "postgresql" if settings.database else "sqlite")
        folder = stack.enter_context(data_folder(settings))
        storage = self._wrap_storage(choose_storage(settings, folder))
        core = await open_core(
            settings,
            stack,
            folder,
            node=serving_node(settings),
            storage=storage,
            clock=self._clock,
            entropy=self._entropy,
            observer=self.metrics,
        )
        self._traces = open_traces(settings, stack, core.committer)
        self.gateway = core.gateway
        self.administration = core.administration
        self._keyring = core.keyring
        self.node = core.node
        self.schema = core.storage.schema
        self.inbox = HandsetInbox(
            core.gateway,
            core.storage,
            core.keyring,
            INBOX_POLL_SECONDS if settings.database else float("inf"),
        )
        core.administration.on_shown = self.inbox.arrived
        self.calls = HandsetCalls(core.clock.now)
        self._shown_calls: CallControl = self.calls
        if self._membership is not None:
            self._shown_calls = self._membership.join(self.ready, self.metrics.render, self.calls)
        captchas = captcha_client(settings)
        stack.push_async_callback(captchas.close)
        self._dialects = build_dialects(
            core.gateway,
            core.storage,
            settings,
            CodeChecks(core.gateway, core.storage, lambda: self._carriers).check,
            core.administration,
            GuardChallenges(core.gateway, captchas),
        )
        await core.gateway.refusals.start()
        stack.push_async_callback(core.gateway.refusals.stop)
        await core.recordings.start()
        stack.push_async_callback(core.recordings.stop)

        receipts = Receipts(core.gateway, core.storage, self.metrics.receipt)
        on_jobs_due: Callable[[], None] = lambda: None  # noqa: E731  # whoever delivers takes its place
        if not settings.delivery.paused:
            dispatcher = await self._start_delivery(stack, core, receipts)
            if job_kinds(settings):
                on_jobs_due = dispatcher.wake
        sweeper = Sweeper(
            core.committer,
            core.storage,
            core.clock,
            keep_inbox=settings.handset.keep_messages,
            keep_inbox_ms=settings.handset.keep_days * DAY_MS,
            keep_messages_ms=settings.retention.days * DAY_MS,
            receipt_lifetime_ms=settings.delivery.receipt_lifetime * 1000,
        )
        await sweeper.start()
        stack.push_async_callback(sweeper.stop)
        counts = counting(settings, core)
        await counts.start()
        stack.push_async_callback(counts.stop)
        follower = DirectoryFollower(core.committer, core.storage)
        await follower.start()
        stack.push_async_callback(follower.stop)
        subscription = await core.storage.listen(follower.changed, on_jobs_due)
        stack.push_async_callback(subscription.close)
        keys = KeyFollower(
            core.gateway,
            core.storage,
            core.keyring,
            core.read_keys,
            self._process,
            shared=bool(settings.database),
            progress=lambda: core.resealing.progress,
            on_usable=functools.partial(self.ready.mark, "server key"),
        )
        core.resealing.is_mine = lambda: keys.is_first
        keys.start()
        stack.push_async_callback(keys.stop)
        core.resealing.start()
        stack.push_async_callback(core.resealing.stop)
        clock_check = ClockCheck(core.storage, core.clock, self.metrics.clock_difference.set)
        await clock_check.start()
        stack.push_async_callback(clock_check.stop)
        live = LiveReports(core.gateway, self._process, self.metrics.live)
        live.start()
        stack.push_async_callback(live.stop)
        low_balances = LowBalances(core.gateway, core.storage)
        self.metrics.watch_low_balances(lambda: low_balances.counted)
        low_balances.start()
        stack.push_async_callback(low_balances.stop)
        findings = FindingReports(core.gateway, self.metrics.findings)
        findings.start()
        stack.push_async_callback(findings.stop)
        readings = StoreReadings(core.committer, core.storage, core.clock)
        self.metrics.watch_store(lambda: readings.due_seconds, lambda: readings.balances)
        await readings.start()
        stack.push_async_callback(readings.stop)
        if not settings.database:
            control = ControlServer(core.administration, settings.data)
            await control.start()
            stack.push_async_callback(control.stop)
        core.committer.watch_store(lambda here: self.ready.mark("store", here))
        self.ready.mark("store")
        self.ready.mark("server key")

        await self._listen(stack, core, receipts)

    async def _start_delivery(self, stack: AsyncExitStack, core: Core, receipts: Receipts) -> JobDispatcher:
        delivery, kinds = self.settings.delivery, job_kinds(self.settings)
        renderers = {dialect.name: dialect.callbacks for dialect in self._dialects if dialect.callbacks}
        tells = tells_of_calls(renderers)
        client = callback_client(self.settings, core.clock)
        stack.push_async_callback(client.close)
        core.administration.callback_trial.renderers = renderers
        core.administration.callback_trial.tell = client.tell
        callbacks = CallbackSender(core.gateway, core.storage, renderers, self._traces.teller(client))
        watch = CarrierWatch(core.clock.now, self.metrics.attempt)
        call_events = CallEventRecorder(core.gateway, tells)
        carriers = await self._start_carriers(stack, core, watch, receipts, call_events) if kinds else None
        recent = RecentResults(core.gateway, core.storage)
        await recent.start()
        stack.push_async_callback(recent.stop)
        dispatcher = build_dispatcher(
            core.gateway,
            core.committer,
            core.storage,
            core.keyring,
            carriers if carriers is not None else {},
            callbacks,
            watch=watch,
            kinds=kinds,
            concurrency=delivery.concurrency,
            lease_ms=int(delivery.lease * 1000),
            receipt_lifetime_ms=delivery.receipt_lifetime * 1000,
            on_shown=self.inbox.arrived,
            on_named=receipts.named,
            on_dead=self.metrics.dead_job,
            tells=tells,
            prepare=core.announcements.prepare,
            results=lambda: recent.results,
            traces=self._traces,
        )
        if carriers is not None:
            carriers.on_ready = watch.on_usable = dispatcher.wake
        if "voice" in self.settings.roles:
            probes = build_probes(core)
            self.metrics.watch_voice_probes(probes.figures)
            await probes.start()
            stack.push_async_callback(probes.stop)
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop, self.settings.listen.stop_deadline)
        return dispatcher

    async def _start_carriers(
        self,
        stack: AsyncExitStack,
        core: Core,
        watch: CarrierWatch,
        receipts: Receipts,
        call_events: CallEvents,
    ) -> RunningCarriers:
        make = carrier_factory(
            Surroundings(
                receipts,
                self.inbox,
                self.calls,
                core.announcements,
                core.clock.now,
                call_events,
            )
        )
        process = self._process
        carriers = RunningCarriers(
            core.committer,
            lambda document: self._wrap_carrier(make(document)),
            (lambda _: None) if self.settings.handset.beside_carriers else refuse_handset_beside_carriers,
            functools.partial(Capacity, process=process, clock=core.clock, steady=steady_seconds),
            core.clock.now,
            watch,
            process=process,
            lags=self.metrics.receipt_lags,
        )
        self.metrics.watch_capacity(carriers.capacity)
        self.metrics.watch_carriers(carriers.ready)
        self.metrics.watch_carrier_figures(carriers.figure)
        core.administration.show_carriers(carriers.status)
        await carriers.start()
        stack.push_async_callback(carriers.stop)
        if self.settings.database:
            reports = CarrierReports(core.gateway, process, carriers.status)
            await reports.start()
            stack.push_async_callback(reports.stop)
        self._carriers = carriers
        return carriers

    async def _listen(self, stack: AsyncExitStack, core: Core, receipts: Receipts) -> None:
        listen = self.settings.listen
        roles = self.settings.roles
        stopping = asyncio.Event()
        console = build_console(
            inbox=self.inbox,
            gateway=core.gateway,
            keyring=core.keyring,
            read=core.storage.read,
            open_on_loopback=self.settings.handset.open_on_loopback,
            stopping=stopping,
            audio=core.announcements,
            calls=self._shown_calls,
            demo=self._demo,
            studio=Studio(self.settings.data, lambda: core.announcements.voices),
            administrator=core.administration,
            speaker=core.announcements,
            renderers={one.name: one.callbacks for one in self._dialects if one.callbacks},
            carrier_kinds={
                name: CarrierKind(one.settings, frozenset(map(str, one.channels)))
                for name, one in CARRIER_TYPES.items()
            },
            samples=ConsoleSamples(),
            public_url=self.settings.console.url,
            second_factor=self.settings.console.second_factor,
            passkeys=self.settings.console.passkeys,
            signs_up=self.settings.console.sign_up,
            provider=login_provider(self.settings, stack, core.clock),
            provider_role=self.settings.console.oidc_role or None,
        )
        webhooks = Webhooks(lambda: core.gateway.directory.carriers, receipts)
        apis = self._dialects if "api" in roles else [NotServed("api", self._dialects)]
        application = HttpApplication(
            [self._traces.api(one) for one in (*apis, CarrierWebhooks(webhooks.of))],
            console if "console" in roles else not_served("console"),
            TrustedProxies(listen.trusted_proxies),
            self.ready,
            self.metrics,
            health=self._membership,
        )
        tls = TlsFiles(listen.tls_certificate, listen.tls_key) if listen.tls_certificate else None
        server = self._server = HttpServer(
            application, listen.host, listen.port, tls, stopping, shared_port=self._membership is not None
        )
        await server.start()
        stack.push_async_callback(server.stop, listen.stop_deadline)
        self.ready.mark("listener")

    @property
    def carriers(self) -> list[str]:
        """The names of those that run now."""
        return sorted(self._carriers)

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return self._server.port if self._server else 0

    def set_up_link(self) -> str:
        """Where the first owner is made; "" where there is one, or where nobody has to log in."""
        settings, gateway = self.settings, self.gateway
        if "console" not in settings.roles or settings.handset.open_on_loopback:
            return ""
        if has_owner(gateway.directory.users):
            return ""
        token = set_up_token(self._keyring, gateway.now() + SET_UP_MS)
        return f"{console_address(settings, self.port)}/welcome/{token}"

    def read_certificates_anew(self) -> None:
        """Take what the TLS files hold now; what cannot be used is logged and changes nothing."""
        if self._server is None:
            return
        try:
            self._server.read_certificates_anew()
        except OSError as error:
            log.error(
                "the TLS files cannot be used, the certificate stays",
                extra={"action": "reload", "detail": error.strerror or type(error).__name__},
            )
        else:
            log.info("certificates read anew", extra={"action": "reload"})


def job_kinds(settings: Settings) -> frozenset[JobKind]:
    """The jobs that this process does."""
    sends = frozenset(JobKind) - {JobKind.CALL}
    deliver = sends if "deliver" in settings.roles else ()
    voice = (JobKind.CALL,) if "voice" in settings.roles else ()
    return frozenset((*deliver, *voice))


def process_name(settings: Settings) -> str:
    """What this process holds capacity of carriers under: its own among all, but on an embedded store, of which
    there is only one at a time, that of the process before it, whose capacity is free at once.
    """
    if not settings.database:
        return "embedded"
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def captcha_client(settings: Settings) -> PooledClient:
    """Goes where callbacks go. Raises ClientRefused."""
    callback = settings.callback
    return PooledClient(
        seconds=CAPTCHA_SECONDS,
        idle_connections=CAPTCHA_CONNECTIONS,
        private_targets=callback.private_targets,
        private_setting="callback.private_targets",
        proxy=callback.proxy.reveal(),
        proxy_setting="callback.proxy",
        ca_file=callback.ca_file,
        ca_setting="callback.ca_file",
    )


def callback_client(settings: Settings, clock: Clock) -> CallbackClient:
    """Raises ClientRefused."""
    callback = settings.callback
    return CallbackClient(
        seconds=settings.callback_seconds,
        event_seconds=settings.event_seconds,
        now=clock.now,
        private_targets=callback.private_targets,
        proxy=callback.proxy.reveal(),
        ca_file=callback.ca_file,
    )


def refuse_handset_beside_carriers(carriers: Mapping[str, doc.Carrier]) -> None:
    """Raises CarrierRefused, since this was refused when it was saved, but settings may change meanwhile."""
    for problem in handset_beside_carriers(carriers):
        raise CarrierRefused(f"Carriers: {problem}.")
