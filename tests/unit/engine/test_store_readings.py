import secrets

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.ids import AccountId, MessageId
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job, JobKind
from onema.domain.values.money import parse_amount
from onema.engine.committer import Committer
from onema.engine.store_readings import LOWEST_BALANCES, StoreReadings
from onema.storage.contract import Unavailable
from onema.telemetry.metrics import Metrics
from onema.testing.conformance.storage import insert
from onema.testing.fake_clock import FakeClock
from onema.testing.memory_storage import MemoryStorage

from .conftest import StartCommitter


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
async def committer(storage: MemoryStorage, start_committer: StartCommitter) -> Committer:
    return await start_committer(storage)


async def test_each_kind_of_job_tells_how_long_it_waits(
    storage: MemoryStorage, committer: Committer, clock: FakeClock
) -> None:
    """Zero where nothing waits, so that an alert can tell silence from peace."""
    now = clock.now()
    await insert(
        storage,
        Job(
            1, JobKind.CALLBACK, AccountId(7), MessageId(1), now - 90_000, 0, 0, in_flight=False, payload=b""
        ),
    )
    readings = StoreReadings(committer, storage, clock)
    await readings.read_due()
    assert readings.due_seconds == {(kind,): 0 for kind in JobKind} | {("callback",): 90}


async def test_balances_are_those_of_the_accounts_that_run_out_first(
    storage: MemoryStorage, committer: Committer, clock: FakeClock
) -> None:
    """So many and no more; how far it is to the floor, and none of those that have no end or may not send."""
    accounts = [doc.Account(name=f"customer-{n:02}", countries=("*",)) for n in range(LOWEST_BALANCES + 10)]
    others = (
        doc.Account(name="overdrawn", wallet="postpaid", credit_limit="100", currency="USD"),
        doc.Account(name="unlimited", wallet="postpaid"),
        doc.Account(name="suspended", state="inactive"),
        doc.Tariff(name="default"),
    )
    await committer.execute(Configure(entropy=secrets.token_bytes(32), documents=(*accounts, *others)))
    for number, account in enumerate(accounts):
        amount = parse_amount("1000.5") if number < 5 else parse_amount("500")
        await committer.execute(
            TopUpWallet(id=number + 1, now=0, account=account.name, reference="first", amount=amount)
        )
    readings = StoreReadings(committer, storage, clock)
    await readings.read_balances()
    assert len(readings.balances) == LOWEST_BALANCES
    assert readings.balances["overdrawn", "USD"] == 100
    assert readings.balances["customer-05", "VND"] == 500
    names = {name for name, _ in readings.balances}
    assert not names & {"unlimited", "suspended", "customer-00", "customer-04"}


async def test_while_the_store_is_away_there_are_no_figures(
    storage: MemoryStorage, committer: Committer, clock: FakeClock
) -> None:
    """Old ones would say that all is well; they are back with the store."""

    class Away(MemoryStorage):
        is_away = True

        async def oldest_due(self, now: int, limit: int) -> dict[str, int]:
            if self.is_away:
                raise Unavailable("gone")
            return {}

    away = Away()
    readings = StoreReadings(committer, away, clock)
    readings.due_seconds = {("sms",): 1.0}
    metrics = Metrics()
    metrics.watch_store(lambda: readings.due_seconds, lambda: readings.balances)
    assert b'onema_job_due_seconds{kind="sms"} 1.0' in metrics.render()
    await readings.refresh()
    assert b"onema_job_due_seconds{" not in metrics.render()
    away.is_away = False
    await readings.refresh()
    assert b'onema_job_due_seconds{kind="sms"} 0.0' in metrics.render()
