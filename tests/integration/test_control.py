import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from onema.administration.answers import Administration
from onema.administration.data_folder import DataFolder, DataFolderError, DataFolderInUseError
from onema.administration.requests import (
    PutDocuments,
    ReadBalance,
    ReadDocuments,
    ReadLedger,
    ReadMessages,
    ReadSettings,
    ReadStory,
    ResetCounting,
    Status,
    TopUp,
)
from onema.administration.socket import (
    LONGEST_LINE,
    SOCKET,
    ControlClient,
    ControlError,
    ControlServer,
    connect,
)
from onema.cli.session import ask_running_server
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import InvalidConfiguration, Problem
from onema.domain.decision import Command, Decision
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring, ServerKey
from onema.domain.records import LiveVerification, Message, Window
from onema.domain.refusals import Found, Refusal, Refused
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.engine.committer import Committer
from onema.engine.directory_loading import SLICE
from onema.engine.gateway import Gateway
from onema.engine.ports import IdSource, SystemClock, SystemEntropy
from onema.secret import Secret
from onema.settings import Listen, Logs, Settings
from onema.testing.conformance.storage import insert
from onema.testing.memory_storage import MemoryStorage
from onema.testing.turns_of_the_loop import TurnsOfTheLoop
from onema.wiring.server import App

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"
ACME = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
    doc.Account(name="acme"),
    doc.Credential(account="acme", dialect="esms", key="K", secret="very secret"),
)


class NoMetrics:
    """An observer that looks away."""

    def batch(self, commands: int, seconds: float) -> None: ...

    def command(self, kind: str, result: str) -> None: ...

    def accepted(self, message: Message) -> None: ...

    def ended(self, message: Message) -> None: ...

    def refusal(self, account: str, reason: str) -> None: ...

    def guarded(self, command: Command, found: Sequence[Found]) -> None: ...

    def decided(self, command: Command, decision: Decision) -> None: ...


@asynccontextmanager
async def an_administration(storage: MemoryStorage | None = None) -> AsyncIterator[Administration]:
    clock, storage = SystemClock(), storage or MemoryStorage()
    ids = IdSource(clock, 0)
    committer = Committer(
        storage, Keyring(bytes(32)), clock, ids, batch_limit=100, lease_ms=1_000, observer=NoMetrics()
    )
    await committer.start()
    try:
        yield Administration(Gateway(committer, clock, ids, SystemEntropy()), storage)
    finally:
        await committer.stop()


@asynccontextmanager
async def a_client(
    folder: Path,
    served: int = LONGEST_LINE,
    asked: int = LONGEST_LINE,
    storage: MemoryStorage | None = None,
) -> AsyncIterator[ControlClient]:
    """A client of a server on `folder`; each takes lines of so many bytes."""
    async with an_administration(storage) as administration:
        server = ControlServer(administration, folder, served)
        await server.start()
        try:
            client = await connect(folder, asked)
            assert client is not None
            try:
                yield client
            finally:
                await client.close()
        finally:
            await server.stop()


async def test_every_request_is_answered_over_the_socket(tmp_path: Path) -> None:
    """Documents, money, messages and status come back as the same values as in-process."""
    async with a_client(tmp_path) as client:
        changes = await client.answer(PutDocuments(documents=ACME))
        assert [change.what for change in changes] == ["created"] * 3
        assert await client.answer(TopUp(account="acme", reference="r", amount=Minor(5))) is True
        assert await client.answer(TopUp(account="acme", reference="r", amount=Minor(5))) is False
        balance = await client.answer(ReadBalance(account="acme", audit=True))
        assert (balance.balance, balance.ledger, balance.lowest) == (5, 5, 0)
        assert [entry.note for entry in await client.answer(ReadLedger(account="acme"))] == ["r"]
        assert await client.answer(ReadMessages(account="acme")) == []
        assert await client.answer(ReadStory(message=MessageId(1))) is None
        assert (await client.answer(Status())).process == os.getpid()


async def test_secrets_are_masked_unless_they_are_asked_for(tmp_path: Path) -> None:
    """A list of credentials may be shown to somebody."""
    async with a_client(tmp_path) as client:
        await client.answer(PutDocuments(documents=(*ACME, doc.User(name="ann", password_hash=HASH))))
        shown = (await client.answer(ReadDocuments())).documents
        assert "very secret" not in repr(shown)
        assert "$argon2" not in repr(shown)
        (credential,) = (await client.answer(ReadDocuments(kind="credential", reveal=True))).documents
        assert credential == ACME[2]


async def test_documents_can_be_asked_for_by_what_they_are_or_whose(tmp_path: Path) -> None:
    """So that a command that changes one account does not read thousands."""
    others = (
        doc.Account(name="other"),
        doc.Credential(account="other", dialect="esms", key="O", secret="secret of O"),
    )
    async with a_client(tmp_path) as client:
        await client.answer(PutDocuments(documents=(*ACME, *others)))

        async def found(asked: ReadDocuments) -> list[tuple[str, str]]:
            documents = (await client.answer(asked)).documents
            return [(document.kind, document.identity) for document in documents]

        mine = [("account", "acme"), ("credential", "esms/K")]
        theirs = [("account", "other"), ("credential", "esms/O")]
        assert await found(ReadDocuments(account="acme")) == mine
        assert await found(ReadDocuments(account="acme", kind="credential")) == mine[1:]
        assert await found(ReadDocuments(kind="account", identity="other")) == theirs[:1]
        assert await found(ReadDocuments(kind="account")) == [mine[0], theirs[0]]
        assert await found(ReadDocuments(kind="account", identity="nobody")) == []
        assert await found(ReadDocuments(account="nobody")) == []
        assert await found(ReadDocuments()) == sorted([*mine, *theirs, ("tariff", "default")])


async def test_thousands_of_documents_pass_the_socket_and_leave_the_loop_to_others(tmp_path: Path) -> None:
    """They are read and written a little at a time, and arrive as they were."""
    many = tuple(doc.Tariff(name=f"tariff-{number:05}") for number in range(5 * SLICE))
    async with a_client(tmp_path) as client, TurnsOfTheLoop() as turns:
        assert len(await client.answer(PutDocuments(documents=many))) == len(many)
        put = turns.count
        assert (await client.answer(ReadDocuments(kind="tariff"))).documents == many
    assert min(put, turns.count - put) > 10


async def test_what_windows_counted_can_be_forgotten(tmp_path: Path) -> None:
    """Of a phone, an address, the account itself or a hotline; each alone, and it is told what was counted."""

    async def counted(client: ControlClient, request: ResetCounting) -> list[tuple[str, str]]:
        reset = await client.answer(request)
        return [(window.scope, window.subject) for window in reset]

    windows = [
        Window(AccountId(account), scope, subject, "60:1:5", 2)
        for account, scope, subject in (
            (1, "account", ""),
            (1, "phone", "+84901888484"),
            (1, "phone", "+84901888485"),
            (1, "client_ip", "10.0.0.1"),
            (0, "hotline", "02471000003"),
        )
    ]
    storage = MemoryStorage()
    tried = LiveVerification(AccountId(1), Phone("+84901888484"), "code", 7, b"h", 4, 2, "60:1:1", 2)
    await insert(storage, *windows, tried)
    async with a_client(tmp_path, storage=storage) as client:
        await client.answer(PutDocuments(documents=ACME))
        assert await counted(client, ResetCounting(account="acme")) == [("account", "")]
        assert await counted(client, ResetCounting(account="acme")) == []
        assert await counted(client, ResetCounting(account="acme", phone="0901 888 484")) == [
            ("phone", "+84901888484"),
            ("wrong checks", "+84901888484"),
        ]
        assert await counted(client, ResetCounting(account="acme", client_ip="10.0.0.1")) == [
            ("client_ip", "10.0.0.1")
        ]
        assert await counted(client, ResetCounting(hotline="02471000003")) == [("hotline", "02471000003")]
        with pytest.raises(Refused, match="no account 'nobody'"):
            await counted(client, ResetCounting(account="nobody"))
    left = await storage.read([window.key for window in windows])
    assert list(left.values()) == [windows[2]]


async def test_a_refusal_comes_over_the_socket_as_it_is(tmp_path: Path) -> None:
    """Its code for programs, its detail for the operator."""
    async with a_client(tmp_path) as client:
        with pytest.raises(Refused, match="no tariff 'default'") as caught:
            await client.answer(PutDocuments(documents=(doc.Account(name="acme"),)))
        assert caught.value.refusal is Refusal.CONFLICT


async def test_a_change_planned_on_an_older_configuration_is_refused(tmp_path: Path) -> None:
    """So that two operators who edit one document do not overwrite each other unseen."""
    async with a_client(tmp_path) as client:
        await client.answer(PutDocuments(documents=ACME, revision=0))
        with pytest.raises(Refused, match="changed meanwhile"):
            await client.answer(PutDocuments(documents=ACME[:1], revision=0))


async def test_changes_at_the_same_moment_all_happen(tmp_path: Path) -> None:
    """The committer refuses those decided on an older snapshot; they are decided again."""
    async with an_administration() as administration:
        others = [PutDocuments(documents=(doc.Tariff(name=f"t{number}"),)) for number in range(20)]
        await asyncio.gather(*(administration.answer(request) for request in others))
        found = await administration.answer(ReadDocuments(kind="tariff"))
        assert (len(found.documents), found.revision) == (20, 20)


async def test_a_configure_that_lost_against_another_writer_is_decided_again() -> None:
    """Someone else changed the directory while ours was waiting; `refresh` brings the newest snapshot."""
    refreshed: list[str] = []

    class BehindOnce(Gateway):
        """Refuses the first command as the committer does for a snapshot that is too old."""

        revision_seen = 0

        async def execute(self, command: object) -> object:
            if not refreshed:
                await super().execute(TAKE_OVER)
                raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
            return await super().execute(command)  # type: ignore[arg-type]  # whatever was asked

    from onema.domain.configuration.configure import Configure

    TAKE_OVER = Configure(entropy=bytes(32), documents=(doc.Tariff(name="theirs"),))  # noqa: N806
    clock, storage = SystemClock(), MemoryStorage()
    ids = IdSource(clock, 0)
    committer = Committer(
        storage, Keyring(bytes(32)), clock, ids, batch_limit=100, lease_ms=1_000, observer=NoMetrics()
    )
    await committer.start()

    async def refresh() -> None:
        refreshed.append("refreshed")
        await committer.refresh_directory()

    administration = Administration(BehindOnce(committer, clock, ids, SystemEntropy()), storage, refresh)
    try:
        changes = await administration.answer(PutDocuments(documents=(doc.Tariff(name="ours"),)))
        assert [change.what for change in changes] == ["created"]
        assert refreshed == ["refreshed"]
    finally:
        await committer.stop()


async def test_an_account_with_money_cannot_be_removed(tmp_path: Path) -> None:
    """Its number, under which its money and messages are kept, could go to the next new account."""
    async with a_client(tmp_path) as client:
        await client.answer(PutDocuments(documents=ACME))
        await client.answer(TopUp(account="acme", amount=Minor(5)))
        with pytest.raises(Refused, match="suspend it instead"):
            await client.answer(PutDocuments(remove=(("credential", "esms/K"), ("account", "acme"))))


async def test_only_the_servers_user_may_connect(tmp_path: Path) -> None:
    """Whoever can connect can change everything."""
    async with a_client(tmp_path):
        assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600


async def test_a_data_folder_may_have_a_longer_path_than_a_socket_address(tmp_path: Path) -> None:
    """unix(7) allows 108 bytes; temporary folders of test runners alone come close to it."""
    folder = tmp_path / ("long" * 40) / ("deep" * 40)
    folder.mkdir(parents=True)
    async with a_client(folder) as client:
        assert (await client.answer(Status())).process == os.getpid()


async def test_a_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    """It exists, but nobody listens."""
    async with an_administration() as administration:
        first = ControlServer(administration, tmp_path)
        await first.start()
        (tmp_path / SOCKET).rename(tmp_path / "kept")
        await first.stop()
        (tmp_path / "kept").rename(tmp_path / SOCKET)
        assert await connect(tmp_path) is None
    async with a_client(tmp_path) as client:
        await client.answer(Status())


async def test_without_a_server_there_is_nobody_to_connect_to(tmp_path: Path) -> None:
    """The caller then opens the store itself."""
    assert await connect(tmp_path) is None


async def test_a_request_of_another_version_is_answered_with_what_is_wrong(tmp_path: Path) -> None:
    """And the connection goes on."""
    async with a_client(tmp_path) as client:
        client._writer.write(b'{"request":"read_minds"}\nnonsense\n')
        for complaint in (b"read_minds", b"malformed"):
            line = await client._reader.readline()
            assert complaint in line
        await client.answer(Status())


async def test_a_client_whose_server_stops_is_told_so(tmp_path: Path) -> None:
    """Instead of waiting forever."""
    async with an_administration() as administration:
        server = ControlServer(administration, tmp_path)
        await server.start()
        client = await connect(tmp_path)
        assert client is not None
        await client.answer(Status())
        await server.stop()
        with pytest.raises(ControlError):
            await client.answer(Status())
        await client.close()
        assert not (tmp_path / SOCKET).exists()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_works_on_both_event_loops(run: Callable[..., None], tmp_path: Path) -> None:
    """The server runs on uvloop, the command line on asyncio."""

    async def talk() -> None:
        async with a_client(tmp_path) as client:
            await client.answer(PutDocuments(documents=ACME))

    run(talk())
    assert not (tmp_path / SOCKET).exists()


def test_a_data_folder_is_open_in_one_process_only(tmp_path: Path) -> None:
    """The second is told which process has it."""
    with (
        DataFolder(tmp_path / "data") as folder,
        pytest.raises(DataFolderInUseError, match=f"process {os.getpid()}"),
        DataFolder(folder.path),
    ):
        pass
    with DataFolder(folder.path):
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    """So a restart needs no cleaning up."""
    program = (
        "import sys; from pathlib import Path; from onema.administration.data_folder import DataFolder\n"
        "with DataFolder(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataFolderInUseError, match=f"process {holder.pid}"), DataFolder(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with DataFolder(tmp_path):
        pass


def test_the_server_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """The same key comes back, however often the folder is opened, and also if the first start broke off on its way."""
    with DataFolder(tmp_path) as folder:
        keys = folder.server_keys()
    assert len(keys) == 1
    with DataFolder(tmp_path) as folder:
        assert folder.server_keys() == keys
        folder.database.write_bytes(b"made")
    with DataFolder(tmp_path) as folder:
        assert folder.server_keys() == keys
        folder.keep_server_key()
    assert len(bytes.fromhex((tmp_path / "server.key").read_text())) == 32
    assert stat.S_IMODE((tmp_path / "server.key").stat().st_mode) == 0o600
    with DataFolder(tmp_path) as folder:
        assert folder.server_keys() == keys
        folder.keep_server_key()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock", "onema.db", "server.key"]


@pytest.mark.parametrize("content", [None, b""])
def test_a_database_that_is_gone_beside_its_key_is_missed(tmp_path: Path, content: bytes | None) -> None:
    """A new store in its place would hide that accounts, money and codes are gone."""
    with DataFolder(tmp_path) as folder:
        folder.server_keys()
        folder.database.write_bytes(b"made")
        folder.keep_server_key()
        folder.database.unlink()
        if content is not None:
            folder.database.write_bytes(content)
        with pytest.raises(
            DataFolderError, match=r"(is missing|is empty), but .* restore it from your backup"
        ):
            folder.server_keys()
        assert folder.server_keys("ab" * 32) == (ServerKey(b"\xab" * 32),)


def test_no_new_key_is_made_beside_data_that_an_older_one_sealed(tmp_path: Path) -> None:
    """It could open nothing, and would hide that the old one must be restored."""
    with DataFolder(tmp_path) as folder:
        folder.database.touch()
        with pytest.raises(DataFolderError, match="restore it from your backup"):
            folder.server_keys()


def test_no_key_is_made_for_a_store_that_others_share(tmp_path: Path) -> None:
    """Sealed with a key of one process alone, a change would stop all others; a key that is there is used."""
    with DataFolder(tmp_path, shared=True) as folder:
        with pytest.raises(DataFolderError, match=r"server\.key is missing.*ONEMA_SERVER_KEY_FILE"):
            folder.server_keys()
        assert not (tmp_path / "server.key").exists()
        (tmp_path / "server.key").write_text("cd" * 32 + "\n")
        assert folder.server_keys() == (ServerKey(b"\xcd" * 32),)


def test_a_key_from_elsewhere_is_used_as_it_is(tmp_path: Path) -> None:
    """From the environment, or from a file that is never made; a short one is refused without showing it."""
    with DataFolder(tmp_path / "data") as folder:
        assert folder.server_keys("ab" * 32) == (ServerKey(b"\xab" * 32),)
        (tmp_path / "key").write_text("cd" * 32 + "\n")
        assert folder.server_keys("", tmp_path / "key") == (ServerKey(b"\xcd" * 32),)
        with pytest.raises(DataFolderError, match="no server key file"):
            folder.server_keys("", tmp_path / "missing")
        with pytest.raises(DataFolderError) as caught:
            folder.server_keys("hunter2")
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("served", "asked"), [(2_000, LONGEST_LINE), (LONGEST_LINE, 2_000)])
async def test_a_line_over_its_limit_is_refused_in_words(tmp_path: Path, served: int, asked: int) -> None:
    """Whichever side notices; who asks next is served as ever."""
    big = PutDocuments(documents=(doc.Tariff(name="x" * 3_000),))
    async with a_client(tmp_path, served, asked) as client:
        with pytest.raises(ControlError, match=r"one request may have 2,000 bytes"):
            await client.answer(big)
        again = await connect(tmp_path)
        assert again is not None
        assert (await again.answer(ReadDocuments())).documents == ()
        await again.close()


async def test_an_answer_over_the_limit_is_told_in_words(tmp_path: Path) -> None:
    """The server wrote more than this side reads."""
    tariffs = tuple(doc.Tariff(name=f"{number:0>60}") for number in range(30))
    async with a_client(tmp_path, asked=1_500) as client:
        for number in range(0, len(tariffs), 5):
            await client.answer(PutDocuments(documents=tariffs[number : number + 5]))
        with pytest.raises(ControlError, match="answer is too large"):
            await client.answer(ReadDocuments())


async def test_a_line_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    """It is no reason to end the connection without a word."""
    carrier = b'{"kind":"carrier","name":"c","type":"x","settings":{"a":%s}}' % (b"[" * 3_000 + b"]" * 3_000)
    async with a_client(tmp_path) as client:
        client._writer.write(b'{"request":"put_documents","documents":[%s]}\n' % carrier)
        assert b"detail" in await client._reader.readline()


async def test_problems_keep_their_places_over_the_socket(tmp_path: Path) -> None:
    """The command line shows what the server found, and a dry run changes nothing."""
    async with a_client(tmp_path) as client:
        wrong = doc.Account(name="acme", tariff="defualt", floor="NaN")
        tariff = doc.Tariff(name="default")
        for dry_run in (True, False):
            with pytest.raises(InvalidConfiguration) as refused:
                await client.answer(PutDocuments(documents=(tariff, wrong), dry_run=dry_run))
            assert refused.value.problems == (
                Problem("accounts[acme].floor", "not an amount with at most 4 decimals: 'NaN'"),
                Problem("accounts[acme].tariff", "there is no tariff 'defualt'", ("default",), "default"),
            )
        (change,) = await client.answer(PutDocuments(documents=(tariff,), dry_run=True))
        assert change.what == "created"
        assert (await client.answer(ReadDocuments())).documents == ()


async def test_the_settings_of_a_running_server_are_told(tmp_path: Path) -> None:
    """Those that it started with, whatever is set where somebody asks; secrets are masked."""
    settings = Settings(
        data=tmp_path, listen=Listen(port=0), server_key=Secret("ab" * 32), logs=Logs(level="error")
    )
    async with App(settings):
        told = await asyncio.to_thread(ask_running_server, Settings(data=tmp_path), ReadSettings())
    assert told is not None
    assert (told["logs.level"], told["listen.port"], told["server_key"]) == ("error", "0", "***")
    assert await asyncio.to_thread(ask_running_server, settings, ReadSettings()) is None
