"""The committer alone: how many codes a second become durable, and what they cost.

    ./dev bench committer [--seconds 10] [--callers 256] [--rounds 1] [--only postgres-hot] [--profile FILE]

256 callers send codes to ever new phones through domain.SendCode (windows per phone, IP and account, price,
wallet hold, sealed text, job), once over 500 accounts and once all on one account. SQLite and PostgreSQL sync every
commit. CPU is given in seconds per 1,000 codes, of this process and of the database server. Of several rounds the best
counts: what else a machine does only ever makes it slower. A whole run leaves its table and plot in bench/results/.
"""

import argparse
import asyncio
import cProfile
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

import msgspec
import uvloop

from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.decision import Command, Decision
from onema.domain.delivery.payload import Payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job, Message, Wallet
from onema.domain.refusals import Found
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine.batch import Born
from onema.engine.committer import Committer
from onema.engine.ports import IdSource, SystemClock
from onema.loadtest.chart import Bars, bar_chart
from onema.storage.contract import Storage
from onema.storage.postgres import PostgresStorage
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.postgres_server import PostgresServer, running_server

MANY = 500
LOADS = {"many": MANY, "hot": 1}
"""Accounts."""
ENGINES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_RESULT = Path(__file__).parent / "results" / "committer"
NEVER_REACHED = 1_000_000_000
WINDOWS = tuple(msgspec.structs.replace(window, limit=NEVER_REACHED) for window in doc.DEFAULT_WINDOWS)
TEXT = "{OTP} la ma xac thuc cua ban. Vui long khong chia se ma nay cho bat ky ai."


class Result(msgspec.Struct):
    name: str
    codes: int
    seconds: float
    client: float
    server: float
    batches: int
    latencies: list[float]

    @property
    def rate(self) -> float:
        return self.codes / self.seconds

    @property
    def batch_size(self) -> float:
        return self.codes / max(self.batches, 1)

    def milliseconds(self, share: float) -> float:
        """What this share of the codes took at most."""
        return sorted(self.latencies)[int(len(self.latencies) * share)] * 1000

    def line(self) -> str:
        return (
            f"{self.name:16} {self.rate:8,.0f}/s  CPU {self.client * 1000 / self.codes:.4f} client"
            f" + {self.server * 1000 / self.codes:.4f} server  {self.batch_size:5.0f} a batch"
            f"  p50 {self.milliseconds(0.5):5.1f} ms  p99 {self.milliseconds(0.99):5.1f} ms"
        )

    def row(self, title: str) -> str:
        """One of a table in Markdown."""
        client, server = (cpu * 1000 / self.codes for cpu in (self.client, self.server))
        return (
            f"| {title} | {self.rate:,.0f} | {client:.3f}" + (f" + {server:.3f}" if server else "") + f" |"
            f" {self.batch_size:.0f} | {self.milliseconds(0.5):.0f} | {self.milliseconds(0.99):.0f} |"
        )


class Observer:
    def __init__(self) -> None:
        self.batches = 0
        self.results: dict[str, int] = {}

    def batch(self, commands: int, seconds: float) -> None:
        self.batches += 1

    def command(self, kind: str, result: str) -> None:
        self.results[result] = self.results.get(result, 0) + 1

    def accepted(self, message: Message) -> None:
        """They are counted by their batches."""

    def ended(self, message: Message) -> None:
        """Nothing ends here."""

    def refusal(self, account: str, reason: str) -> None:
        """No dialect asks here."""

    def guarded(self, command: Command, found: Sequence[Found]) -> None:
        """No limit here is reached."""

    def decided(self, command: Command, decision: Decision) -> None:
        """What it changed does not matter."""


class BottomlessDispatcher:
    """Takes every job, as a process that delivers does, and delivers none."""

    def room(self, kind: str) -> int:
        return NEVER_REACHED

    def grants(self, kind: str, account: int, free: int, promised: int) -> bool:
        return True

    def first_attempt(self, job: Job, payload: Payload) -> None:
        return None

    def take(self, jobs: Sequence[Job], born: Mapping[int, Born]) -> None:
        """Forget them."""


async def prepare(committer: Committer, ids: IdSource, accounts: int) -> None:
    documents: list[doc.AnyDocument] = [
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="500"),))
    ]
    for number in range(accounts):
        name = f"account-{number}"
        documents += [
            doc.Account(name=name, countries=("*",), windows=WINDOWS),
            doc.Brandname(account=name, name="ACME"),
            doc.Template(account=name, brandname="ACME", text=TEXT.replace("{OTP}", "{P1,10}")),
        ]
    await committer.execute(Configure(entropy=secrets.token_bytes(32), documents=tuple(documents)))
    for number in range(accounts):
        await committer.execute(
            TopUpWallet(
                id=ids.next(), now=0, account=f"account-{number}", reference="first", amount=Minor(10**15)
            )
        )


async def measure(
    name: str, storage: Storage, accounts: int, options: argparse.Namespace, server: PostgresServer | None
) -> Result:
    clock, observer = SystemClock(), Observer()
    ids = IdSource(clock, 1)
    committer = Committer(
        storage, Keyring(b"k" * 32), clock, ids, batch_limit=options.batch, lease_ms=30_000, observer=observer
    )
    committer.deliver_to(BottomlessDispatcher())
    await committer.start()
    await prepare(committer, ids, accounts)
    latencies: list[float] = []
    phones = iter(range(10**9))

    async def caller(until: float) -> None:
        while (started := time.perf_counter()) < until:
            number = next(phones)
            await committer.execute(
                SendCode(
                    account=AccountId(1 + number % accounts),
                    id=MessageId(ids.next()),
                    now=clock.now(),
                    entropy=secrets.token_bytes(ENTROPY_BYTES),
                    dialect="native",
                    phone=Phone(f"+84{900_000_000 + number * 7_919 % 9_999_991}"),
                    home_country="VN",
                    client_ip="203.0.113.7",
                    brandname="ACME",
                    text=TEXT,
                    code=NewCode("0123456789", 6, 300_000),
                )
            )
            latencies.append(time.perf_counter() - started)

    async def run(seconds: float) -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(caller(until) for _ in range(options.callers)))

    await run(2.0)  # warm up: plans, caches, the first pages of every table
    latencies.clear()
    batches, observer.results = observer.batches, {}
    server_before = server.cpu_seconds() if server else 0.0
    client_before, started = time.process_time(), time.perf_counter()
    with cProfile.Profile() if options.profile else nullcontext() as profile:
        await run(options.seconds)
    result = Result(
        name,
        len(latencies),
        time.perf_counter() - started,
        time.process_time() - client_before,
        (server.cpu_seconds() if server else 0.0) - server_before,
        observer.batches - batches,
        latencies,
    )
    if options.profile:
        assert profile is not None
        profile.dump_stats(options.profile)
    assert set(observer.results) == {"done"}, observer.results
    balance = (await storage.read([(Wallet, 1)]))[(Wallet, 1)]
    assert isinstance(balance, Wallet)
    assert balance.balance == await storage.ledger_sum(AccountId(1))
    await committer.stop()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--callers", type=int, default=256)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--only", default="", help="part of a name: sqlite-many, postgres-hot, ...")
    parser.add_argument("--profile", default="", help="write a cProfile of the last measurement")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="a server setting, name=value")
    options = parser.parse_args()
    print(" ".join(sys.argv), f"(Python {sys.version.split()[0]})")
    best: dict[str, Result] = {}
    for _ in range(options.rounds):
        for engine in ENGINES:
            for load, accounts in LOADS.items():
                name = f"{engine}-{load}"
                if options.only in name:
                    result = run_one(name, engine, accounts, options)
                    print(result.line(), flush=True)
                    best[name] = max(best.get(name, result), result, key=lambda each: each.rate)
    if len(best) == len(ENGINES) * len(LOADS):
        keep(best)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def keep(best: dict[str, Result]) -> None:
    """Print the table, and leave it in bench/results/ with a plot."""
    lines = [
        "| | codes/s | CPU s per 1,000, onema + database | commands a batch | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for engine, title in ENGINES.items():
        lines += [best[f"{engine}-{load}"].row(f"{title}, {_wallets(load)}") for load in LOADS]
    for engine, title in ENGINES.items():
        many, hot = (best[f"{engine}-{load}"].rate for load in LOADS)
        lines += ["", f"{title}: one hot wallet runs at {hot / many:.2f}x of many (goal: at least 0.9x)."]
    table = "\n".join(lines)
    print(table)
    groups = [
        Bars(title, [(_wallets(load), best[f"{engine}-{load}"].rate) for load in LOADS])
        for engine, title in ENGINES.items()
    ]
    _RESULT.with_suffix(".md").write_text(table + "\n")
    _RESULT.with_suffix(".svg").write_text(
        bar_chart("The committer alone, 256 callers", "codes/s", groups, digits=0)
    )


def _wallets(load: str) -> str:
    return "one wallet" if load == "hot" else f"{MANY} wallets"


def run_one(name: str, engine: str, accounts: int, options: argparse.Namespace) -> Result:
    async def with_storage(storage: Storage, server: PostgresServer | None) -> Result:
        await storage.open()
        try:
            return await measure(name, storage, accounts, options, server)
        finally:
            await storage.close()

    with ExitStack() as stack:
        if engine == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            return uvloop.run(with_storage(SqliteStorage(Path(folder) / "onema.db"), None))
        settings = dict(setting.split("=", 1) for setting in options.set)
        server = stack.enter_context(running_server(settings))
        return uvloop.run(with_storage(PostgresStorage(server.create_database("bench")), server))


if __name__ == "__main__":
    main()
