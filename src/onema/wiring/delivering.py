"""What a process delivers with, put together: the dispatcher and a handler for each kind of job."""

from collections.abc import Callable, Mapping

from onema.channels.contract import Carrier
from onema.delivery.attempt import Attempts, OnNamed, Prepare, nothing_to_prepare
from onema.delivery.carrier_watch import CarrierWatch
from onema.delivery.dispatcher import POLL_SECONDS, JobDispatcher, JobHandler
from onema.delivery.failed_jobs import FailedJobs
from onema.delivery.next_channels import NextChannels
from onema.delivery.receipts import Settlements
from onema.delivery.resends import Resends
from onema.domain.delivery.call_news import Tells
from onema.domain.delivery.results import Results
from onema.domain.keyring import Keyring
from onema.domain.records import JobKind
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage
from onema.wiring.tracing import Untraced


def build_dispatcher(
    gateway: Gateway,
    committer: Committer,
    storage: Storage,
    keyring: Keyring,
    carriers: Mapping[str, Carrier],
    callbacks: JobHandler,
    *,
    watch: CarrierWatch | None = None,
    kinds: frozenset[JobKind] = frozenset(JobKind),
    concurrency: int,
    lease_ms: int,
    receipt_lifetime_ms: int,
    poll_seconds: float = POLL_SECONDS,
    on_shown: Callable[[], None] = lambda: None,
    on_named: OnNamed = lambda *named: None,
    on_dead: Callable[[str], None] = lambda kind: None,
    tells: Tells | None = None,
    prepare: Prepare = nothing_to_prepare,
    results: Callable[[], Results | None] = lambda: None,
    traces: Untraced | None = None,
) -> JobDispatcher:
    """`carriers` are those that run here, and may change, `watch` is what is seen of them. `on_shown` hears that a
    simulated phone shows something new, `on_named` what names carriers gave to attempts, `on_dead` the kind of each job
    that is given up. `tells` says what integrators are told of calls on their way, `prepare` makes sound of what a call
    reads out. `traces` is put around each step.
    """
    traces = traces or Untraced()
    watch = watch or CarrierWatch(gateway.now)
    attempts = Attempts(
        gateway,
        storage,
        keyring,
        carriers,
        watch,
        kinds=kinds,
        lease_ms=lease_ms,
        receipt_lifetime_ms=receipt_lifetime_ms,
        on_shown=on_shown,
        on_named=on_named,
        tells=tells,
        prepare=prepare,
        results=results,
        send=traces.send,
    )
    handlers: dict[str, JobHandler] = {
        JobKind.SMS: attempts,
        JobKind.SCHEDULED: attempts,
        JobKind.CALL: attempts,
        JobKind.RESEND: Resends(gateway, storage, keyring, attempts, kinds=kinds),
        JobKind.SETTLE: Settlements(gateway),
        JobKind.CALLBACK: callbacks,
        JobKind.NEXT_CHANNEL: NextChannels(gateway, storage),
    }
    return JobDispatcher(
        gateway,
        committer,
        storage,
        {kind: traces.handler(handler) for kind, handler in handlers.items()},
        traces.deliverer(attempts),
        FailedJobs(gateway, receipt_lifetime_ms=receipt_lifetime_ms, on_dead=on_dead),
        carriers,
        watch,
        kinds=kinds,
        concurrency=concurrency,
        lease_ms=lease_ms,
        poll_seconds=poll_seconds,
    )
