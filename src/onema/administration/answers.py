"""Everything that an operator may ask or order, answered on the gateway and the store."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import onema
from onema.administration.addresses import Addresses
from onema.administration.author import Author
from onema.administration.callback_trial import CallbackTrial
from onema.administration.callbacks import MOST_AT_ONCE, CallbackLog
from onema.administration.calls import read_calls
from onema.administration.carrier_answers import CarrierAnswers
from onema.administration.compliance import Compliance
from onema.administration.configuring import AnyInstallation, Configuring, Installation
from onema.administration.customer_requests import (
    PoolNow,
    Prices,
    PutAddressOnline,
    ReadAddresses,
    ReadHotlines,
    ReadLowBalances,
    ReadPrices,
    TriedText,
    TryCallback,
    TryText,
)
from onema.administration.guard_answers import GuardAnswers
from onema.administration.hotlines import read_pools
from onema.administration.invitations import Invitations
from onema.administration.key_requests import ReadServerKeys, RetireServerKey, UseServerKey
from onema.administration.live_window import LiveWindow
from onema.administration.low_accounts import low_accounts
from onema.administration.people_requests import (
    AdmitUser,
    InviteUser,
    ReadInvitation,
    ReadInvitations,
    ResetUser,
    SignUp,
    TakeInvitation,
    WithdrawInvitation,
)
from onema.administration.permissions import ITSELF, Actor, permitted
from onema.administration.persons import Persons
from onema.administration.requests import (
    AuditPage,
    Balance,
    DropJob,
    ErasePerson,
    ExportPerson,
    FoundRefusals,
    FoundStory,
    PlacedCall,
    PutDocuments,
    PutRecording,
    ReadAudit,
    ReadBalance,
    ReadCallbacks,
    ReadCalls,
    ReadCapacity,
    ReadCarriers,
    ReadCompliance,
    ReadDeadJobs,
    ReadDocuments,
    ReadFindings,
    ReadGuards,
    ReadLedger,
    ReadMessages,
    ReadNow,
    ReadReceipts,
    ReadRefusals,
    ReadSettings,
    ReadStory,
    ReplayCallbacks,
    Request,
    RequeueJob,
    ResetCounting,
    SearchMessages,
    ServerStatus,
    ShowSms,
    Status,
    TestCall,
    TestCarrier,
    TopUp,
    UnmatchedReceipt,
)
from onema.administration.server_keys import ServerKeys
from onema.administration.statistics_answers import statistics_answers
from onema.administration.try_text import try_text
from onema.channels.contract import CarrierStatus
from onema.delivery.recordings import Recordings
from onema.domain.codes import hotlines
from onema.domain.codes.brandname_text import KEPT_TEXTS, REFUSED_TEXTS
from onema.domain.codes.refused_text import RefusedText, kept_text
from onema.domain.codes.reset_windows import ResetWindows
from onema.domain.codes.verification import LONGEST_LIFE_MINUTES, PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.keep_recording import KeepRecording
from onema.domain.configuration.named_account import account_by_name
from onema.domain.delivery import requeue_job
from onema.domain.delivery.keep_in_inbox import KeepInInbox
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.delivery.record_receipt import last_word
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.money.top_up import TopUpWallet
from onema.domain.note_refusals import NOBODY, noted_in
from onema.domain.records import (
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
from onema.domain.values.money import NOTHING, Minor, format_amount
from onema.domain.values.phone import mask, parse_phone
from onema.domain.values.written_ahead import TOLERATED_MS
from onema.engine.gateway import Gateway
from onema.storage.contract import FoundMessages, Storage, StorageError, Story, WantedMessages

_TRIES = 10
_HOME_COUNTRY = "VN"
"""Where national numbers belong that an operator types for an account that says nothing of it."""
_DAY_SECONDS = 86_400
"""The longest window that is not an account's own: a hotline's."""
_NO_ID_IS_AS_LARGE = 2**63 - 1

A = TypeVar("A")


class Administrator(Protocol):
    """Answers administrative requests, in this process or in the server's."""

    async def answer(self, request: Request[A], actor: Actor = ITSELF) -> A:
        """Raises Refused; NotPermitted where `actor` may not have that; ControlError when the server went away."""


async def _nothing_to_refresh() -> None:
    """A single process always knows the newest configuration."""


class Administration:
    """Answers in-process. `refresh` loads the configuration, where other processes may change it too;
    `recordings` makes the sentences of applications sound before they are saved; `installation` says what cannot run
    here, before anything is saved; `settings` are the process's, as text without secrets; `address_countries` says when
    the list was made that tells countries of addresses.
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
        address_countries: Callable[[], int] = lambda: 0,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._recordings = recordings
        self._settings = dict(settings)
        self._keyring = keyring
        self.address_countries = address_countries
        installation = installation or AnyInstallation()
        self._configuring = Configuring(gateway, storage, refresh, recordings, installation)
        self._compliance = Compliance(gateway, self._settings, installation)
        self.callback_trial = CallbackTrial(gateway)
        self._invitations = Invitations(gateway, storage, refresh, keyring)
        self._callbacks = CallbackLog(gateway, storage)
        self._addresses = Addresses(gateway, storage)
        self._carrier_answers = CarrierAnswers(gateway, storage)
        self._live = LiveWindow(gateway, storage)
        self._guard = GuardAnswers(gateway, storage)
        self._persons = Persons(gateway, storage)
        self.on_shown: Callable[[], None] = lambda: None
        """Hears that the handset's page has something new to show."""
        self.server_keys: ServerKeys | None = None
        """Where the server key is."""

    @property
    def _keys(self) -> ServerKeys:
        """Raises Refused(CONFLICT) where there is no server key."""
        if self.server_keys is None:
            raise Refused(Refusal.CONFLICT, "server keys are changed where they are")
        return self.server_keys

    async def answer(self, request: Request[A], actor: Actor = ITSELF) -> A:
        request = permitted(request, actor)
        answers: dict[type[Request[Any]], Callable[[Any], Awaitable[Any]]] = {
            ReadDocuments: lambda one: self._configuring.read(one, actor),
            ReadAudit: self._read_audit,
            ExportPerson: self._persons.export,
            ReadStory: self._read_story,
            ReadMessages: self._read_messages,
            SearchMessages: self._search_messages,
            ReadCalls: self._read_calls,
            ReadLedger: self._read_ledger,
            ReadBalance: self._read_balance,
            ReadPrices: self._read_prices,
            ReadLowBalances: lambda one: low_accounts(self._gateway, self._storage, one.account),
            ReadHotlines: self._read_hotlines,
            TryText: self._try_text,
            TryCallback: self.callback_trial.run,
            ReadAddresses: self._addresses.read,
            ReadCapacity: self._carrier_answers.capacity,
            ReadCarriers: self._carrier_answers.read,
            ReadReceipts: self._read_receipts,
            ReadRefusals: self._read_refusals,
            ReadNow: self._live.read,
            **statistics_answers(self._gateway, self._storage),
            ReadDeadJobs: self._read_dead_jobs,
            ReadCallbacks: self._callbacks.read,
            ReadSettings: self._read_settings,
            ReadCompliance: self._compliance.read,
            ReadFindings: self._guard.findings,
            ReadGuards: self._guard.guards,
            Status: self._status,
            ReadInvitation: self._invitations.look_up,
            ReadInvitations: self._invitations.read,
            ShowSms: self._show_sms,
            ReadServerKeys: lambda one: self._keys.read(one),  # noqa: PLW0108  # there may be none to ask
        }
        orders: dict[type[Request[Any]], Callable[[Any, Author], Awaitable[Any]]] = {
            PutDocuments: self._configuring.put,
            TopUp: self._top_up,
            TestCarrier: self._carrier_answers.test,
            TestCall: self._carrier_answers.call,
            ResetCounting: self._reset_counting,
            RequeueJob: self._requeue_job,
            DropJob: self._drop_job,
            ErasePerson: self._persons.erase,
            ReplayCallbacks: self._callbacks.replay,
            PutAddressOnline: self._addresses.put_online,
            PutRecording: self._put_recording,
            InviteUser: self._invitations.invite,
            TakeInvitation: self._invitations.take,
            AdmitUser: self._invitations.admit,
            WithdrawInvitation: self._invitations.withdraw,
            ResetUser: self._invitations.reset,
            SignUp: self._invitations.sign_up,
            UseServerKey: lambda one, author: self._keys.use(one, author),  # noqa: PLW0108  # the same
            RetireServerKey: lambda one, author: self._keys.retire(one, author),  # noqa: PLW0108  # the same
        }
        try:
            if type(request) in orders:
                done: A = await orders[type(request)](request, Author(self._gateway, actor, request))
                return done
            answer: A = await answers[type(request)](request)
        except StorageError as error:
            raise Refused(Refusal.STORE_UNAVAILABLE, str(error)) from error
        return answer

    async def _top_up(self, request: TopUp, author: Author) -> bool:
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
        booked = {"amount": format_amount(command.amount), "reference": command.reference}
        new: bool = await author.execute(command, command.account, after=booked)
        return new

    async def _put_recording(self, request: PutRecording, author: Author) -> None:
        if self._recordings is None:
            raise Refused(Refusal.CONFLICT, "recordings are kept by a server or on its data folder only")
        recording = Recording(request.voice, request.sentence, request.before, request.after)
        await author.execute(
            KeepRecording(recording),
            subject=f"recording {request.voice}",
            after={"sentence": request.sentence},
        )
        self._recordings.know(recording)

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

    async def _search_messages(self, request: SearchMessages) -> FoundMessages:
        wanted = WantedMessages(request.phones, request.reference, request.state, request.since)
        account, before = self._account(request.account).id, request.before or _NO_ID_IS_AS_LARGE
        return await self._storage.search_messages(account, wanted, before, request.limit)

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

    async def _try_text(self, request: TryText) -> TriedText:
        # Comparing a text with hundreds of templates takes a while.
        return await asyncio.to_thread(try_text, request, self._gateway.directory, self._gateway.now())

    async def _reset_counting(self, request: ResetCounting, author: Author) -> Sequence[Window]:
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
        about = {"phone": mask(request.phone), "client_ip": request.client_ip, "hotline": request.hotline}
        reset: Sequence[Window] = await author.execute(
            ResetWindows(tuple(windows), tuple(wrong_checks)),
            request.account,
            after={name: one for name, one in about.items() if one},
        )
        return reset

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

    async def _requeue_job(self, request: RequeueJob, author: Author) -> None:
        key = (DeadJob, request.dead)
        dead = (await self._storage.read([key])).get(key)
        account, message = (dead.account, dead.message) if isinstance(dead, DeadJob) else (0, 0)
        owner = self._gateway.directory.accounts.get(account)
        await author.execute(
            requeue_job.RequeueJob(
                dead=request.dead,
                account=AccountId(account),
                message=MessageId(message),
                id=self._gateway.next_id(),
                now=self._gateway.now(),
            ),
            owner.name if owner else "",
            f"job {request.dead}",
        )

    async def _drop_job(self, request: DropJob, author: Author) -> None:
        command = requeue_job.DropJob(dead=request.dead, id=self._gateway.next_id())
        await author.execute(command, subject=f"job {request.dead}")

    async def _read_audit(self, request: ReadAudit) -> AuditPage:
        limit = max(1, min(request.limit, MOST_AT_ONCE))
        entries = await self._storage.read_audit(request.account or None, request.before, limit)
        last = entries[-1] if len(entries) == limit else None
        return AuditPage(tuple(entries), (last.id, last.part) if last else None)

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
            address_countries=self.address_countries(),
        )

    def _account(self, name: str) -> AccountView:
        return account_by_name(self._gateway.directory, name)


async def read_balance(storage: Storage, account: AccountId) -> Minor:
    """What the account's wallet holds; nothing for one that never moved."""
    key = (Wallet, account)
    wallet = (await storage.read([key])).get(key)
    return wallet.balance if isinstance(wallet, Wallet) else NOTHING
