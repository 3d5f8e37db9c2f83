"""One run: nodes that come and go, people who send and check codes, and everything that may break, from one seed."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, ParamSpec

import msgspec

from onema.channels.contract import NotRecorded, Outgoing
from onema.delivery.receipts import Receipts
from onema.delivery.sweeper import Sweeper
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.decision import Command, Decision
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MAX_NODE, AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import Job
from onema.domain.refusals import Refused
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.gateway import Gateway
from onema.engine.observer import Unobserved
from onema.engine.ports import IdSource
from onema.storage.contract import StorageError
from onema.testing.simulation.carriers import Network, SimulatedCarrier
from onema.testing.simulation.invariants import RECALLS, Invariants
from onema.testing.simulation.store import Faults, SimulatedStore, WriterOfOne
from onema.testing.simulation.time import SimulatedClock, SimulatedLoop
from onema.wiring.delivering import build_dispatcher

P = ParamSpec("P")

NODES = 3
CARRIERS = {"alpha": False, "beta": False, "gamma": True}
"""By name, whether each may be given one attempt twice."""
STARTED_AT = 1_800_000_000_000
LEASE_MS = 20_000
RECEIPT_LIFETIME_MS = 600_000
CODE_LENGTH = 8
"""Long enough that no guess is right by chance."""
_PREPAID, _POSTPAID = AccountId(1), AccountId(2)
_PHONES = tuple(Phone(f"+849018{number:05}") for number in range(40))
_CALLER_SECONDS = 60.0
"""After which a caller does not wait any longer."""
_STEPS_AT_ONCE = 30
"""People who are at something at the same time."""
_OUTAGES, _LOST_ANSWERS = 0.002, 0.01
_QUIET_END_SECONDS = 3 * 3_600.0


class Person(msgspec.Struct):
    """What one knows who got a code."""

    account: AccountId
    phone: Phone
    message: MessageId
    code: str


class Node:
    """One process: everything between a command and its carriers."""

    def __init__(self, episode: "Episode", number: int) -> None:
        self.number = number
        self.clock = SimulatedClock(episode.loop, STARTED_AT)
        self.writer = WriterOfOne(episode.store)
        self.keyring = Keyring(b"k" * 32)
        # Another with each start: a clock that was ahead made ids that one set right comes to later. Nodes draw theirs,
        # and two with one number are refused a command each time they make one id; that is not played here.
        ids = IdSource(self.clock, episode.next_number())
        self.committer = Committer(
            self.writer,
            self.keyring,
            self.clock,
            ids,
            batch_limit=64,
            lease_ms=LEASE_MS,
            observer=_Observer(episode, number),
        )
        self.gateway = Gateway(self.committer, self.clock, ids, _Entropy(episode.chance))
        self.receipts = Receipts(self.gateway, self.writer)
        self._callbacks = _Callbacks(self.gateway, episode.chance)
        carriers = {
            name: SimulatedCarrier(name, episode.network, idempotent=idempotent)
            for name, idempotent in CARRIERS.items()
        }
        self.dispatcher = build_dispatcher(
            self.gateway,
            self.committer,
            self.writer,
            self.keyring,
            carriers,
            self._callbacks,
            concurrency=20,
            lease_ms=LEASE_MS,
            receipt_lifetime_ms=RECEIPT_LIFETIME_MS,
            poll_seconds=2.0,
            on_named=self.receipts.named,
        )
        self.sweeper = Sweeper(
            self.committer,
            self.writer,
            self.clock,
            keep_inbox=100,
            keep_inbox_ms=86_400_000,
            keep_messages_ms=400 * 86_400_000,
            receipt_lifetime_ms=RECEIPT_LIFETIME_MS,
            every_seconds=5.0,
            steady=episode.loop.time,
        )

    async def start(self) -> None:
        await self.committer.start()
        await self.dispatcher.start()
        await self.sweeper.start()


_of_node: contextvars.ContextVar[int] = contextvars.ContextVar("node", default=-1)
"""Which node's code runs; tasks hand it on."""


class Episode:
    """A run of about `commands` commands. Raises Broken, with everything that is needed to see it again in the seed."""

    def __init__(
        self, seed: int, commands: int, loop: SimulatedLoop, trace: Callable[[str], None] | None = None
    ) -> None:
        self.loop = loop
        self.trace = trace
        self.chance = Random(seed)  # noqa: S311  # nothing secret comes of it
        self.commands = commands
        self.invariants = Invariants({_PREPAID: 0, _POSTPAID: None})
        self.store = SimulatedStore(self.chance, Faults(), self._noting(self.invariants.judge))
        self.network = Network(self.chance, self._handed, self.invariants.nobody_got)
        self.nodes: dict[int, Node] = {}
        self.people: list[Person] = []
        """Who got a code lately."""
        self.failure: BaseException | None = None
        """What broke first."""
        self._tasks: dict[int, dict[asyncio.Task[Any], None]] = {}
        """Of each node in the order in which they began, so that it can be killed."""
        self._top_ups = 0
        self._starts = 0

    async def run(self) -> None:
        self.loop.set_task_factory(self._task)
        for number in range(NODES):
            await self._start_node(number)
        await self._configure()
        self.store.faults = Faults(_LOST_ANSWERS, _OUTAGES)
        under_way: set[asyncio.Task[None]] = set()
        while self.invariants.counted["commands"] < self.commands:
            self._raise_failure()
            step = self.chance.choices(list(_STEPS), list(_STEPS.values()))[0]
            under_way.add(asyncio.create_task(self._contained(step(self))))
            await asyncio.sleep(self.chance.expovariate(20.0))
            if len(under_way) >= _STEPS_AT_ONCE:
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        await self._end(under_way)

    async def _end(self, under_way: set[asyncio.Task[None]]) -> None:
        """Nothing breaks any more: everything that is under way must come to its end."""
        self.store.faults = Faults()
        self.network.trouble = 0.0
        if under_way:
            await asyncio.wait(under_way)
        for number in range(NODES):
            if number not in self.nodes:
                await self._start_node(number)
        for node in self.nodes.values():
            node.clock.wrong_ms = 0
        waited = 0.0
        while self.store.table(Job) and waited < _QUIET_END_SECONDS:
            self._raise_failure()
            await asyncio.sleep(60.0)
            waited += 60.0
        self._raise_failure()
        self.invariants.judge_end(self.store.rows)
        for number in list(self.nodes):
            await self._kill(number)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def _contained(self, step: Coroutine[Any, Any, None]) -> None:
        """What a caller is refused, and what a dead node leaves unanswered, is part of the game."""
        try:
            await step
        except (Refused, StorageError, TimeoutError, NotRecorded):
            self.invariants.counted["refused"] += 1
        except AssertionError as broken:
            self.failure = self.failure or broken

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        if (number := _of_node.get()) >= 0:
            tasks = self._tasks[number]
            tasks[task] = None
            task.add_done_callback(lambda done: tasks.pop(done, None))
        return task

    # Nodes.

    def next_number(self) -> int:
        self._starts += 1
        return self._starts % (MAX_NODE + 1)

    async def _start_node(self, number: int) -> None:
        self._tasks[number] = {}
        node = Node(self, number)
        context = contextvars.copy_context()
        context.run(_of_node.set, number)
        await asyncio.create_task(node.start(), context=context)
        self.nodes[number] = node

    async def _kill(self, number: int) -> None:
        """As kill -9 does: nothing is written down any more."""
        node = self.nodes.pop(number)
        node.writer.die()
        while tasks := [task for task in self._tasks[number] if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _configure(self) -> None:
        windows = (doc.WindowLimit(per="phone", seconds=600, limit=30),)
        documents: list[doc.AnyDocument] = [
            doc.Tariff(
                name="default",
                rates=(
                    doc.Rate(channel="sms", price="850"),
                    doc.Rate(channel="call", price="400", period=60),
                ),
            ),
            doc.Account(name="prepaid", number=_PREPAID, windows=windows, callback_url="https://a.example/"),
            doc.Account(
                name="postpaid",
                number=_POSTPAID,
                wallet="postpaid",
                windows=windows,
                capture_on="delivered",
            ),
        ]
        for account in ("prepaid", "postpaid"):
            documents += [
                doc.Brandname(account=account, name="Acme"),
                doc.Template(account=account, brandname="Acme", text="{OTP} is your code"),
                doc.Application(account=account, name="app", recall_after=("busy",), recall_times=RECALLS),
            ]
        for priority, name in enumerate(CARRIERS):
            documents.append(doc.Carrier(name=name, type="test"))
            documents += [
                doc.Route(channel="sms", carrier=name, priority=priority),
                doc.Route(channel="call", carrier=name, priority=priority),
            ]
        await self._ask(Configure(entropy=self.chance.randbytes(32), documents=tuple(documents)))
        for node in self.nodes.values():
            await node.committer.refresh_directory()

    def _node(self) -> Node:
        """Any that runs. Raises StorageError where none does."""
        if not self.nodes:
            raise StorageError("no node runs")
        return self.chance.choice(list(self.nodes.values()))

    async def _ask(self, command: Command | Callable[[Node], Command]) -> Any:
        """What some node answers; a dead one answers nothing. Raises Refused, TimeoutError."""
        node = self._node()
        asked = command(node) if callable(command) else command
        answer = asyncio.ensure_future(node.gateway.execute(asked))
        await asyncio.wait([answer], timeout=_CALLER_SECONDS)
        if not answer.done():
            raise TimeoutError
        return answer.result()

    # What people do.

    async def send(self) -> None:
        account, phone = self.chance.choice((_PREPAID, _POSTPAID)), self.chance.choice(_PHONES)
        request = f"request {self.chance.randrange(2_000)}" if self.chance.random() < 0.2 else ""

        def command(node: Node) -> Command:
            common: dict[str, Any] = {
                "account": account,
                "id": MessageId(node.gateway.next_id()),
                "now": node.gateway.now(),
                "entropy": node.gateway.token(ENTROPY_BYTES),
                "dialect": "test",
                "phone": phone,
                "home_country": "VN",
                "client_ip": "192.0.2.1",
                "code": NewCode("0123456789", CODE_LENGTH, 300_000),
                "request": request,
                "request_digest": request,
            }
            if self.chance.random() < 0.3:
                return CallWithCode(**common, application="app", voice="en", times=2, pool_required=False)
            return SendCode(**common, brandname="Acme", text="{OTP} is your code")

        accepted: Accepted = await self._ask(command)
        if accepted.refusal is None:
            self.invariants.accepted(account, accepted)

    async def check(self) -> None:
        """Right or wrong; now and then at two nodes at once."""
        if not self.people:
            return
        person = self.chance.choice(self.people)
        is_right = self.chance.random() < 0.6
        code = person.code if is_right else "x"
        tries = 2 if self.chance.random() < 0.3 else 1
        checks = [self._check(person, code) for _ in range(tries)]
        for check in await asyncio.gather(*checks, return_exceptions=True):
            if isinstance(check, Check):
                self.invariants.checked(person.account, person.message, check)
            elif isinstance(check, BaseException):
                await self._contained(_raising(check))

    async def _check(self, person: Person, code: str) -> Any:
        return await self._ask(
            lambda node: CheckCode(
                account=person.account,
                id=node.gateway.next_id(),
                now=node.gateway.now(),
                phone=person.phone,
                code=code,
            )
        )

    async def cancel(self) -> None:
        if not self.people:
            return
        person = self.chance.choice(self.people)
        await self._ask(
            lambda node: CancelCode(
                account=person.account,
                id=node.gateway.next_id(),
                now=node.gateway.now(),
                phone=person.phone,
                purpose=PURPOSE,
                verification=person.message,
            )
        )

    async def top_up(self) -> None:
        """And once more, by the same reference, where nobody answered."""
        self._top_ups += 1
        reference = f"top-up {self._top_ups}"
        for _ in range(2):
            with contextlib.suppress(Refused, TimeoutError, StorageError):
                await self._ask(
                    lambda node: TopUpWallet(
                        id=node.gateway.next_id(),
                        now=node.gateway.now(),
                        account="prepaid",
                        reference=reference,
                        amount=Minor(20_000_000),
                    )
                )

    # What carriers and the world do.

    async def receipt(self) -> None:
        if self.network.receipts:
            receipt = self.chance.choice(self.network.receipts)
            await asyncio.wait_for(self._node().receipts(receipt), _CALLER_SECONDS)
            self.invariants.counted["receipts"] += 1

    async def crash(self) -> None:
        number = self.chance.choice(list(self.nodes) or [-1])
        if number < 0:
            return
        await self._kill(number)
        self.invariants.counted["crashes"] += 1
        await asyncio.sleep(self.chance.choice((0.1, 5.0, 90.0)))
        if number not in self.nodes:
            await self._start_node(number)

    async def set_clock(self) -> None:
        """By seconds or minutes, and right again later."""
        node = self._node()
        node.clock.wrong_ms = self.chance.choice((-90_000, -2_000, 500, 3_000, 120_000))
        self.invariants.counted["clocks set"] += 1
        await asyncio.sleep(self.chance.random() * 60.0)
        node.clock.wrong_ms = 0

    def _noting(self, judge: Callable[P, None]) -> Callable[P, None]:
        """The same, where whoever asks may be a task of the product's, which would contain what it raises."""

        def noted(*arguments: P.args, **named: P.kwargs) -> None:
            try:
                judge(*arguments, **named)
            except AssertionError as broken:
                self.failure = self.failure or broken
                raise

        return noted

    def _handed(self, carrier: SimulatedCarrier, outgoing: Outgoing) -> None:
        self._noting(self.invariants.handed)(carrier, outgoing)
        payload = outgoing.payload
        code = payload.code if isinstance(payload, CallPayload) else payload.text.partition(" ")[0]
        self.people.append(Person(outgoing.account, payload.phone, outgoing.message, code))
        if len(self.people) > 60:
            self.people.pop(0)


_STEPS: dict[Callable[[Episode], Coroutine[Any, Any, None]], float] = {
    Episode.send: 40,
    Episode.check: 30,
    Episode.receipt: 25,
    Episode.cancel: 1,
    Episode.top_up: 1,
    Episode.crash: 0.3,
    Episode.set_clock: 0.3,
}
"""How often each is done, in proportion."""


class _Observer(Unobserved):
    def __init__(self, episode: Episode, number: int) -> None:
        self._episode = episode
        self._number = number

    def decided(self, command: Command, decision: Decision) -> None:
        self._episode.invariants.told(command)
        if self._episode.trace is not None:
            when = f"{self._episode.loop.time():10.3f} s, node {self._number}"
            self._episode.trace(f"{when}: {command} -> {decision.result}")


class _Entropy:
    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def token(self, size: int) -> bytes:
        return self._chance.randbytes(size)


class _Callbacks:
    """An integrator that answers late, or not at all."""

    def __init__(self, gateway: Gateway, chance: Random) -> None:
        self._gateway = gateway
        self._chance = chance

    async def __call__(self, job: Job) -> None:
        await asyncio.sleep(self._chance.random())
        again = self._chance.random() < 0.2
        retry_at = self._gateway.now() + 5_000 if again else 0
        await self._gateway.execute(
            FinishJob(job=job.id, lease=job.lease, id=self._gateway.next_id(), note="", retry_at=retry_at)
        )


async def _raising(error: BaseException) -> None:
    raise error


def run(seed: int, commands: int, trace: Callable[[str], None] | None = None) -> Invariants:
    """One episode; what was counted in it. `trace` hears of each command that was committed. Raises Broken."""
    loop = SimulatedLoop()
    episode = Episode(seed, commands, loop, trace)
    try:
        loop.run_until_complete(episode.run())
        episode.invariants.counted["turns of the loop"] = loop.turns
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    return episode.invariants
