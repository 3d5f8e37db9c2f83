"""Someone who answers administrative requests: the running server, or this process on the server's store."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

import msgspec

from onema.administration.answers import Administration, Administrator
from onema.administration.data_folder import (
    DATABASE,
    SERVER_KEY,
    DataFolder,
    DataFolderError,
    DataFolderInUseError,
)
from onema.administration.requests import PutDocuments, ReadDocuments, Request
from onema.administration.socket import ControlClient, ControlError, at_the_machine, connect
from onema.cli.output import CliError, complain
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Change, Proposal
from onema.domain.configuration.problems import InvalidConfiguration, Problem
from onema.domain.configuration.rules import problems
from onema.domain.refusals import Refusal, Refused
from onema.settings import Settings
from onema.storage.contract import StorageError
from onema.wiring.core import data_folder, open_core, this_installation

A = TypeVar("A")
D = TypeVar("D", bound=doc.Document)
Documents = dict[tuple[str, str], doc.Document]

_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
_TRIES = 5
_NOTHING_THERE = (
    "{place} holds nothing of onema. If it is the wrong place, name another with --data or --database; if it is new, "
    "`onema serve`, `onema apply` and the commands that add something make what they need."
)


class NothingThere(CliError):
    """There is no store, and whoever asks would not make one."""


class Session:
    """Asks one administrator, from plain functions. Refusals are raised as CliError."""

    def __init__(self, runner: asyncio.Runner, administrator: Administrator, *, with_server: bool) -> None:
        self._runner = runner
        self._administrator = administrator
        self.with_server = with_server

    def answer(self, request: Request[A]) -> A:
        try:
            return self._runner.run(self._administrator.answer(request, at_the_machine(os.getuid())))
        except InvalidConfiguration as invalid:
            raise invalid_configuration(invalid.problems) from invalid
        except Refused as refused:
            raise CliError(refused.detail or refused.refusal.value, refused.refusal.value) from refused
        except (ControlError, DataFolderError) as error:
            raise CliError(str(error)) from error

    def of_kind(self, kind: type[D], account: str | None = None) -> list[D]:
        """The documents of a kind, all of them or an account's; secrets masked."""
        tag = str(kind.__struct_config__.tag)
        documents = self.answer(ReadDocuments(kind=tag, account=account or "")).documents
        return [document for document in documents if isinstance(document, kind)]

    def configure(
        self,
        plan: Callable[[Documents], PutDocuments],
        concerned: ReadDocuments = ReadDocuments(),  # it is immutable
    ) -> tuple[Change, ...]:
        """Carry out what `plan` makes of the `concerned` documents; again when somebody changes anything meanwhile."""
        concerned = msgspec.structs.replace(concerned, reveal=True)
        for _ in range(_TRIES):
            found = self.answer(concerned)
            planned = plan({(document.kind, document.identity): document for document in found.documents})
            try:
                return self.answer(msgspec.structs.replace(planned, revision=found.revision))
            except CliError:
                if self.answer(ReadDocuments(kind="none")).revision == found.revision:
                    raise
        raise CliError("The configuration keeps changing; try again.", Refusal.CONFLICT.value)


def invalid_configuration(problems: Sequence[Problem], of: str = "") -> CliError:
    """The error that tells of all problems; of a single one in its own line."""
    where = f"{of}: " if of else ""
    if len(problems) == 1:
        (problem,) = problems
        return CliError(f"{where}{problem.place}: {problem.said}", Refusal.CONFLICT.value, problems)
    return CliError(
        f"{where}{len(problems):,} problems, and nothing was changed:", Refusal.CONFLICT.value, problems
    )


def without_store(settings: Settings, request: PutDocuments) -> tuple[list[Problem], list[Change]]:
    """What would be wrong, and what would change, in a new store."""
    proposal = Proposal({}, request.documents, request.remove)
    here = this_installation(settings).problems(proposal.after)
    return [*problems(proposal.after, frozenset(request.unreadable)), *here], list(proposal.changes)


@contextlib.contextmanager
def open_session(settings: Settings, *, creates: bool = False) -> Iterator[Session]:
    """Raises CliError when neither a server nor a store can be reached; who `creates` makes a new store."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            try:
                administrator = runner.run(_open(settings, stack, creates=creates))
            except (DataFolderError, StorageError, PermissionError) as error:
                raise CliError(str(error)) from error
            yield Session(runner, administrator, with_server=isinstance(administrator, ControlClient))
        finally:
            runner.run(stack.aclose())


def ask_running_server(settings: Settings, request: Request[A]) -> A | None:
    """What the server answers that runs on the data folder; None where none runs. Raises CliError."""

    async def ask() -> A | None:
        client = await connect(settings.data) if settings.data.is_dir() else None
        if client is None:
            return None
        try:
            return await client.answer(request)
        finally:
            await client.close()

    try:
        return asyncio.run(ask())
    except (ControlError, PermissionError) as error:
        raise CliError(str(error)) from error


async def _open(settings: Settings, stack: AsyncExitStack, *, creates: bool = False) -> Administrator:
    """The server; or else the store, waiting a little for a process that is just starting or stopping. A database
    of its own is opened beside the servers that use it.
    """
    if settings.database:
        return await open_database(settings, stack, creates=creates)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        if settings.data.is_dir():
            client = await connect(settings.data)
            if client is not None:
                stack.push_async_callback(client.close)
                return client
        # A key without its database is no empty folder, and is refused by opening it.
        if not creates and not any((settings.data / name).exists() for name in (DATABASE, SERVER_KEY)):
            raise NothingThere(_NOTHING_THERE.format(place=settings.data.absolute()))
        try:
            folder = stack.enter_context(data_folder(settings))
        except DataFolderInUseError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        return await _open_store(settings, folder, stack)


async def open_database(settings: Settings, stack: AsyncExitStack, *, creates: bool) -> Administration:
    from onema.storage.postgres.moving import schema_of

    if not creates and not await schema_of(settings.database.reveal()):
        raise NothingThere(_NOTHING_THERE.format(place="This database"))
    # The key may lie in the folder, or be given elsewhere: then there need be none.
    folder = DataFolder(settings.data, shared=True, make=False)
    return (await open_core(settings, stack, stack.enter_context(folder))).administration


async def _open_store(settings: Settings, folder: DataFolder, stack: AsyncExitStack) -> Administration:
    if not folder.database.exists() and not settings.server_key_path.exists():
        # Somebody who stands in the wrong place should notice.
        complain(f"onema: {settings.data.absolute()} is new and empty")
    return (await open_core(settings, stack, folder)).administration
