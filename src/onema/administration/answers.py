"""Everything that an operator may ask or order, answered on the gateway and the store."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import onema
from onema.administration.callbacks import CallbackLog
from onema.administration.calls import read_calls
from onema.administration.carrier_answers import CarrierAnswers
from onema.administration.hotlines import read_pools
from onema.administration.live_window import LiveWindow
from onema.administration.requests import (
    Balance,
    Configuration,
    DropJob,
    FoundRefusals,
    FoundStory,
    HeldCapacity,
    PlacedCall,
    PoolNow,
    Prices,
    PutDocuments,
    PutRecording,
    ReadBalance,
    ReadCallbacks,
    ReadCalls,
    ReadCapacity,
    ReadCarriers,
    ReadDeadJobs,
    ReadDocuments,
    ReadHotlines,
    ReadLedger,
    ReadMessages,
    ReadNow,
    ReadPrices,
    ReadReceipts,
    ReadRefusals,
    ReadSettings,
    ReadStory,
    ReplayCallbacks,
    Request,
    RequeueJob,
    ResetCounting,
    ServerStatus,
    ShowSms,
    Status,
    TestCall,
    TestCarrier,
    TopUp,
    UnmatchedReceipt,
)
from onema.channels.contract import CarrierStatus
from onema.delivery.recordings import Recordings
from onema.domain.codes import hotlines
from onema.domain.codes.brandname_text import KEPT_TEXTS, REFUSED_TEXTS
from onema.domain.codes.refused_text import RefusedText, kept_text
from onema.domain.codes.reset_windows import ResetWindows
from onema.domain.codes.verification import LONGEST_LIFE_MINUTES, PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import masked
from onema.domain.configuration.configure import Change, Configure, Proposal
from onema.domain.configuration.directory import AccountView, Directory
from onema.domain.configuration.problems import InvalidConfiguration, Problem
from onema.domain.configuration.rules import After, problems
from onema.domain.delivery import requeue_job
from onema.domain.delivery.capacity import holders_of
from onema.domain.delivery.keep_in_inbox import KeepInInbox
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.delivery.record_receipt import last_word
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.note_refusals import NOBODY, noted_in
from onema.domain.records import (
    CarrierCapacity,
    Channel,
    DeadJob,
    InboxItem,
    LedgerEntry,
    Message,
    RecentRefusals,
    Recording,
    Wallet,
    Window,
)
from onema.domain.records import TopUp as BookedTopUp
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import parse_phone
from onema.domain.values.written_ahead import TOLERATED_MS
from onema.engine.directory_loading import SLICE
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage, StorageError, Story

_HOME_COUNTRY = "VN"
"""Where national numbers belong that an operator types for an account that says nothing of it."""
_TRIES = 10
_ENTROPY_BYTES = 32
_DAY_SECONDS = 86_400
"""The longest window that is not an account's own: a hotline's."""
_NO_ID_IS_AS_LARGE = 2**63 - 1

A = TypeVar("A")


class Administrator(Protocol):
    """Answers administrative requests, in this process or in the server's."""

    async def answer(self, request: Request[A]) -> A:
        """Raises Refused; ControlError when the server went away."""


class Installation(Protocol):
    """Knows what this program can do with documents: which dialects, carriers and settings it has."""

    def problems(self, after: After) -> Iterable[Problem]:
        """What is wrong with a change here, although it holds together. May look around, for seconds."""

    def masked(self, document: doc.Document) -> doc.Document:
        """The document without its secrets."""


class AnyInstallation:
    """Takes every document."""

    def problems(self, after: After) -> Iterable[Problem]:
        return ()

    def masked(self, document: doc.Document) -> doc.Document:
        return masked(document, None)


async def _nothing_to_refresh() -> None:
    """A single process always knows the newest configuration."""


class Administration:
    """Answers in-process. `refresh` loads the configuration, where other processes may change it too;
    `recordings` makes the sentences of applications sound before they are saved; `installation` says what cannot run
    here, before anything is saved; `settings` are the process's, as text without secrets.
    """

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        refresh: Callable[[], Awaitable[None]] = _nothing_to_refresh,
        recordings: Recordings | None = None,
        installation: Installation | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        keyring: Keyring | None = None,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._refresh = refresh
        self._recordings = recordings
        self._installation = installation or AnyInstallation()
        self._settings = dict(settings)
        self._keyring = keyring
        self._configuring = asyncio.Lock()
        self._callbacks = CallbackLog(gateway, storage)
        self._carrier_answers = CarrierAnswers(gateway, storage)
        self._live = LiveWindow(gateway, storage)
        self.on_shown: Callable[[], None] = lambda: None
        """Hears that the handset's page has something new to show."""

    async def answer(self, request: Request[A]) -> A:
        answers: dict[type[Request[Any]], Callable[[Any], Awaitable[Any]]] = {
            PutDocuments: self._put_documents,
            TopUp: self._top_up,
            ReadDocuments: self._read_documents,
            ReadStory: self._read_story,
            ReadMessages: self._read_messages,
            ReadCalls: self._read_calls,
            ReadLedger: self._read_ledger,
            ReadBalance: self._read_balance,
            ReadPrices: self._read_prices,
            ReadHotlines: self._read_hotlines,
            ReadCapacity: self._read_capacity,
            ReadCarriers: self._carrier_answers.read,
            TestCarrier: self._carrier_answers.test,
            TestCall: self._carrier_answers.call,
            ReadReceipts: self._read_receipts,
            ResetCounting: self._reset_counting,
            ReadRefusals: self._read_refusals,
            ReadNow: self._live.read,
            ReadDeadJobs: self._read_dead_jobs,
            RequeueJob: self._requeue_job,
            DropJob: self._drop_job,
            ReadCallbacks: self._callbacks.read,
            ReplayCallbacks: self._callbacks.replay,
            ReadSettings: self._read_settings,
            Status: self._status,
            PutRecording: self._put_recording,
            ShowSms: self._show_sms,
        }
        try:
            answer: A = await answers[type(request)](request)
        except StorageError as error:
            raise Refused(Refusal.STORE_UNAVAILABLE, str(error)) from error
        return answer

    async def _put_documents(self, request: PutDocuments) -> tuple[Change, ...]:
        async with self._configuring:
            for _ in range(_TRIES):
                known = self._gateway.directory.revision
                if request.revision is not None and request.revision != known:
                    raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
                try:
                    return await self._put_once(request)
                except Refused as refused:
                    await self._refresh()
                    # Somebody else's change came between: decide again on what they left.
                    if refused.refusal is Refusal.CONFLICT and self._gateway.directory.revision != known:
                        continue
                    raise
        raise Refused(Refusal.CONFLICT, "the configuration keeps changing; try again later")

    async def _put_once(self, request: PutDocuments) -> tuple[Change, ...]:
        directory = self._gateway.directory
        # Looking at thousands of documents takes seconds; in a thread it leaves the loop to others.
        proposal = await asyncio.to_thread(self._checked, directory, request)
        await self._refuse_to_forget_accounts(request.remove)
        if request.dry_run:
            return proposal.changes
        if self._recordings is not None:
            await self._recordings.make(request.documents)
        changed = proposal.after.changed
        command = Configure(
            entropy=self._gateway.token(_ENTROPY_BYTES),
            documents=tuple(one for one in changed.values() if one is not None),  # type: ignore[misc]  # every Document is one of AnyDocument
            remove=tuple(key for key, document in changed.items() if document is None),
            judged=directory.revision,
        )
        await self._gateway.execute(command)
        return proposal.changes

    def _checked(self, directory: Directory, request: PutDocuments) -> Proposal:
        """What would change. Raises InvalidConfiguration with all that is wrong, in this installation too."""
        proposal = Proposal(directory.documents, request.documents, request.remove)
        found = [
            *problems(proposal.after, frozenset(request.unreadable) if request.dry_run else ()),
            *self._installation.problems(proposal.after),
        ]
        if found:
            raise InvalidConfiguration(found)
        return proposal

    async def _refuse_to_forget_accounts(self, remove: Sequence[tuple[str, str]]) -> None:
        """Messages and money are kept under an account's number: without the account nobody could find them."""
        for kind, name in remove:
            account = self._gateway.directory.account_named.get(name) if kind == "account" else None
            if account is None:
                continue
            if await self._storage.read_ledger(account.id, 1) or await self._newest(account.id, 0, 1):
                raise Refused(Refusal.CONFLICT, f"account {name!r} has messages or money; suspend it instead")

    async def _top_up(self, request: TopUp) -> bool:
        if request.dry_run:
            account = self._gateway.directory.account_named.get(request.account)
            return account is None or not await self._storage.read(
                [(BookedTopUp, account.id, request.reference)]
            )
        identifier = self._gateway.next_id()
        command = TopUpWallet(
            id=identifier,
            now=self._gateway.now(),
            account=self._account(request.account).name,
            reference=request.reference or f"by-hand-{identifier}",
            amount=request.amount,
        )
        new: bool = await self._gateway.execute(command)
        return new

    async def _put_recording(self, request: PutRecording) -> None:
        if self._recordings is None:
            raise Refused(Refusal.CONFLICT, "recordings are kept by a server or on its data folder only")
        await self._recordings.keep(Recording(request.voice, request.sentence, request.before, request.after))

    async def _read_documents(self, request: ReadDocuments) -> Configuration:
        directory = self._gateway.directory
        found: list[doc.Document] = []
        for documents in _asked_for(directory, request):
            for start in range(0, len(documents), SLICE):
                some = documents[start : start + SLICE]
                found += some if request.reveal else map(self._installation.masked, some)
                await asyncio.sleep(0)
        return Configuration(revision=directory.revision, documents=tuple(found))  # type: ignore[arg-type]  # every Document is one of AnyDocument

    async def _read_story(self, request: ReadStory) -> FoundStory | None:
        directory = self._gateway.directory
        numbers = [self._account(request.account).id] if request.account else list(directory.accounts)
        for number in numbers:
            story = await self._storage.read_story(AccountId(number), request.message)
            await asyncio.sleep(0)
            if story is not None:
                account = directory.accounts[number]
                return FoundStory(
                    account=account.name,
                    currency=account.document.currency,
                    story=story,
                    now=self._gateway.now(),
                    refused_text=self._refused_text(story),
                )
        return None

    def _refused_text(self, story: Story) -> RefusedText | None:
        if self._keyring is None:
            return None
        texts = (kept_text(event, self._keyring) for event in story.events)
        return next(filter(None, texts), None)

    async def _read_messages(self, request: ReadMessages) -> Sequence[Message]:
        return await self._newest(self._account(request.account).id, request.before, request.limit)

    async def _read_calls(self, request: ReadCalls) -> Sequence[PlacedCall]:
        return await read_calls(self._storage, self._account(request.account).id, request)

    async def _newest(self, account: AccountId, before: int, limit: int) -> Sequence[Message]:
        return await self._storage.read_messages(account, before or _NO_ID_IS_AS_LARGE, limit)

    async def _read_ledger(self, request: ReadLedger) -> Sequence[LedgerEntry]:
        number = self._account(request.account).id
        return await self._storage.read_ledger(number, request.limit, request.before)

    async def _read_balance(self, request: ReadBalance) -> Balance:
        account = self._account(request.account)
        balance = await read_balance(self._storage, account.id)
        ledger = balance
        # Two reads are two moments: money that moves between them is no fault.
        for _ in range(_TRIES if request.audit else 0):
            ledger = await self._storage.ledger_sum(account.id)
            balance = await read_balance(self._storage, account.id)
            if ledger == balance:
                break
        return Balance(
            account=account.name,
            currency=account.document.currency,
            balance=balance,
            lowest=account.lowest_balance,
            expires_at=account.wallet_expires_at,
            ledger=ledger,
        )

    async def _read_prices(self, request: ReadPrices) -> Prices:
        account = self._account(request.account).document
        tariffs = self._gateway.directory.of_kind(doc.Tariff)
        rates = next((one.rates for one in tariffs if one.name == account.tariff), ())
        return Prices(account.currency, tuple(sorted(rates, key=lambda rate: (rate.channel, rate.prefix))))

    async def _read_hotlines(self, request: ReadHotlines) -> tuple[PoolNow, ...]:
        directory = self._gateway.directory
        pools = {one.name for one in directory.of_kind(doc.HotlinePool)}
        if request.account:
            applications = self._account(request.account).applications.values()
            pools &= {one.document.pool for one in applications}
        return await read_pools(self._storage, directory, pools, self._gateway.now())

    async def _reset_counting(self, request: ResetCounting) -> Sequence[Window]:
        windows: list[tuple[AccountId, str, str]] = []
        wrong_checks = []
        if request.hotline:
            windows = [(hotlines.EVERY_ACCOUNT, hotlines.SCOPE, request.hotline)]
        else:
            account = self._account(request.account)
            if request.phone:
                phone = parse_phone(request.phone, account.country or _HOME_COUNTRY)
                windows.append((account.id, "phone", phone))
                wrong_checks.append((account.id, phone, PURPOSE))
            if request.client_ip:
                windows.append((account.id, "client_ip", request.client_ip))
            windows = windows or [(account.id, scope, "") for scope in ("account", REFUSED_TEXTS, KEPT_TEXTS)]
        reset: Sequence[Window] = await self._gateway.execute(
            ResetWindows(tuple(windows), tuple(wrong_checks))
        )
        return reset

    async def _read_capacity(self, request: ReadCapacity) -> Sequence[HeldCapacity]:
        carriers = sorted(self._gateway.directory.carriers.values(), key=lambda carrier: carrier.name)
        rows = await self._storage.read(
            [(CarrierCapacity, carrier.name) for carrier in carriers if carrier.capacity]
        )
        return [
            HeldCapacity(carrier.name, carrier.capacity, holder.process, holder.capacity, holder.renewed_at)
            for carrier in carriers
            if isinstance(row := rows.get((CarrierCapacity, carrier.name)), CarrierCapacity)
            for holder in holders_of(row)
        ]

    def show_carriers(self, status: Callable[[], Sequence[CarrierStatus]]) -> None:
        """Carriers run in this process: `status` says how they are."""
        self._carrier_answers.status = status

    async def _read_receipts(self, request: ReadReceipts) -> Sequence[UnmatchedReceipt]:
        rows = await self._storage.read_unmatched_receipts(request.carrier, request.limit)
        return [
            UnmatchedReceipt(
                row.carrier, row.reference, word.kind.value, word.reason, word.detail, row.received_at
            )
            for row in rows
            if (word := last_word(row)) is not None
        ]

    async def _show_sms(self, request: ShowSms) -> bool:
        if self._keyring is None:
            return False
        phone = parse_phone(request.phone, _HOME_COUNTRY)
        message = MessageId(self._gateway.next_id())
        payload = SmsPayload(phone, request.sender, request.text, valid_until=0)
        content = seal_payload(payload, message, self._keyring, self._gateway.token(NONCE_BYTES))
        await self._gateway.execute(
            KeepInInbox(InboxItem(message, phone, Channel.SMS, request.sender, content))
        )
        self.on_shown()
        return True

    async def _read_refusals(self, request: ReadRefusals) -> FoundRefusals:
        # What this process has noted and not written down yet belongs to it.
        await self._gateway.refusals.save()
        key = (RecentRefusals, self._account(request.account).id if request.account else NOBODY)
        row = (await self._storage.read([key])).get(key)
        found = noted_in(row if isinstance(row, RecentRefusals) else None, self._gateway.now())
        return FoundRefusals(found.total, found.entries)

    async def _read_dead_jobs(self, request: ReadDeadJobs) -> Sequence[DeadJob]:
        return await self._storage.read_dead_jobs(request.before or _NO_ID_IS_AS_LARGE, request.limit)

    async def _requeue_job(self, request: RequeueJob) -> None:
        key = (DeadJob, request.dead)
        dead = (await self._storage.read([key])).get(key)
        account, message = (dead.account, dead.message) if isinstance(dead, DeadJob) else (0, 0)
        await self._gateway.execute(
            requeue_job.RequeueJob(
                dead=request.dead,
                account=AccountId(account),
                message=MessageId(message),
                id=self._gateway.next_id(),
                now=self._gateway.now(),
            )
        )

    async def _drop_job(self, request: DropJob) -> None:
        await self._gateway.execute(requeue_job.DropJob(dead=request.dead, id=self._gateway.next_id()))

    async def _read_settings(self, request: ReadSettings) -> dict[str, str]:
        return self._settings

    async def _status(self, request: Status) -> ServerStatus:
        directory = self._gateway.directory
        now = self._gateway.now()
        accounts = directory.of_kind(doc.Account)
        longest = max((limit.seconds for one in accounts for limit in one.windows or ()), default=0)
        windows, codes = await self._storage.expire_after(
            now + TOLERATED_MS + max(longest, _DAY_SECONDS) * 1000,
            now + TOLERATED_MS + LONGEST_LIFE_MINUTES * 60_000,
        )
        return ServerStatus(
            process=os.getpid(),
            version=onema.__version__,
            revision=directory.revision,
            now=now,
            ahead={"windows": windows, "codes": codes},
        )

    def _account(self, name: str) -> AccountView:
        account = self._gateway.directory.account_named.get(name)
        if account is None:
            raise Refused(Refusal.CONFLICT, f"There is no account {name!r}.")
        return account


def _asked_for(directory: Directory, request: ReadDocuments) -> Iterator[list[doc.Document]]:
    """In order of kind and identity, a list of each kind."""
    kinds = directory.of_account(request.account) if request.account else directory.kinds
    for kind in [request.kind] if request.kind else sorted(kinds):
        documents = kinds.get(kind, {})
        if request.identity:
            yield [documents[request.identity]] if request.identity in documents else []
        else:
            yield [documents[identity] for identity in sorted(documents)]


async def read_balance(storage: Storage, account: AccountId) -> Minor:
    """What the account's wallet holds; nothing for one that never moved."""
    key = (Wallet, account)
    wallet = (await storage.read([key])).get(key)
    return wallet.balance if isinstance(wallet, Wallet) else NOTHING
