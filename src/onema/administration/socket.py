"""The control socket, by which the command line reaches a running server.

Whoever opens the store also changes it: on SQLite the command line talks to the server through a unix socket
in the data folder, and opens the store itself only when none runs. A request is one line of JSON, and so is its
answer: {"ok": ...} or {"refusal": ..., "detail": ...}.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from onema.administration.answers import Administrator
from onema.administration.key_requests import KeyRequest
from onema.administration.people_requests import PeopleRequest
from onema.administration.permissions import ITSELF, Actor
from onema.administration.requests import Configuration, PutDocuments, Request, TopUp, WireRequest
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import InvalidConfiguration, Problem
from onema.domain.refusals import Refusal, Refused
from onema.engine.directory_loading import SLICE

log = logging.getLogger(__name__)

SOCKET = "control.sock"
LONGEST_LINE = 64 * 1024 * 1024
LONG_LINE = 64 * 1024
"""What is longer is not decoded at once."""

_CREDENTIALS = struct.Struct("3i")

A = TypeVar("A")


class ControlError(Exception):
    """The server went away, or speaks another version of the protocol."""


class _Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes over the wire: `ok`, or a refusal, or else what is wrong with the request itself."""

    ok: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    refusal: str = ""
    detail: str = ""
    problems: tuple[Problem, ...] = ()


_encoder = msgspec.json.Encoder()
AnyRequest = WireRequest | PeopleRequest | KeyRequest
_requests: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_documents: msgspec.json.Decoder[doc.AnyDocument] = msgspec.json.Decoder(doc.AnyDocument)
_replies = msgspec.json.Decoder(_Reply)


class ControlServer:
    """Serves `administration` to processes of the same user, on a socket in the data folder.

    The caller holds the folder, so a socket that is already there was left by a server that is gone.
    """

    def __init__(self, administration: Administrator, folder: Path, longest: int = LONGEST_LINE) -> None:
        self._administration = administration
        self._longest = longest
        self._folder = folder
        self._server: asyncio.Server | None = None
        """None before `start`."""
        self._connections: set[asyncio.Task[None]] = set()
        """Whoever is connected now; `stop` ends them."""

    async def start(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # On Linux the file gets the socket's own mode: there is no moment in which others may connect.
            os.fchmod(listener.fileno(), 0o600)
            (self._folder / SOCKET).unlink(missing_ok=True)
            with _short_address(self._folder) as address:
                listener.bind(address)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=self._longest)
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        """Take no new request, and end the open connections."""
        if self._server is None:
            return
        (self._folder / SOCKET).unlink(missing_ok=True)
        self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            actor = at_the_machine(_peer(writer))
            while line := await reader.readline():
                writer.write(_encoder.encode(await self._reply(line, actor)) + b"\n")
                await writer.drain()
        except ValueError:
            # What the stream says of a line over its limit. Where the next one begins is not known.
            log.warning("a control request was too long", extra={"action": "control"})
            writer.write(_encoder.encode(_Reply(detail=_too_long(self._longest))) + b"\n")
        except ConnectionError:
            log.info("a control connection broke", extra={"action": "control"})
        except asyncio.CancelledError:
            # Swallowed: on Python 3.11 the streams' own callback reports a cancelled handler as an error.
            log.debug("a control connection was ended", extra={"action": "control"})
        finally:
            writer.close()

    async def _reply(self, line: bytes, actor: Actor) -> _Reply:
        try:
            request = await _decoded(line)
        except (msgspec.DecodeError, RecursionError) as error:
            return _Reply(detail=str(error))
        level = logging.INFO if isinstance(request, PutDocuments | TopUp) else logging.DEBUG
        log.log(level, "control request", extra={"action": "control", "request": type(request).__name__})
        try:
            answer = await self._administration.answer(request, actor)
        except InvalidConfiguration as invalid:
            return _Reply(refusal=invalid.refusal.value, detail=invalid.detail, problems=invalid.problems)
        except Refused as refused:
            return _Reply(refusal=refused.refusal.value, detail=refused.detail)
        return _Reply(ok=msgspec.Raw(await _encoded(answer)))


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user who has the other end of a connection (SO_PEERCRED, unix(7))."""
    connection = writer.get_extra_info("socket")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(found)
    return int(user)


def at_the_machine(user: int) -> Actor:
    """Whoever works on the command line, by the number that the system knows them by."""
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = f"uid {user}"
    return Actor(name=name, how="command line", role="owner")


async def _decoded(line: bytes) -> AnyRequest:
    """Of a long line the documents are decoded a little at a time: the loop has others to serve.
    Raises msgspec.DecodeError.
    """
    if len(line) <= LONG_LINE:
        return _requests.decode(line)
    fields = _fields.decode(line)
    listed = _list.decode(fields.pop("documents", msgspec.Raw(b"[]")))
    request = _requests.decode(_encoder.encode(fields))
    if not isinstance(request, PutDocuments):
        return request
    documents: list[doc.AnyDocument] = []
    for start in range(0, len(listed), SLICE):
        documents += map(_documents.decode, listed[start : start + SLICE])
        await asyncio.sleep(0)
    return msgspec.structs.replace(request, documents=tuple(documents))


async def _encoded(answer: object) -> bytes:
    """As JSON; a long list of documents is encoded a little at a time."""
    if not isinstance(answer, Configuration):
        return _encoder.encode(answer)
    parts = []
    for start in range(0, len(answer.documents), SLICE):
        parts.append(_encoder.encode(answer.documents[start : start + SLICE])[1:-1])
        await asyncio.sleep(0)
    return b'{"revision":%d,"documents":[%b]}' % (answer.revision, b",".join(parts))


class ControlClient:
    """Asks the server that runs on a data folder."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, longest: int = LONGEST_LINE
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._longest = longest

    async def answer(self, request: Request[A], actor: Actor = ITSELF) -> A:
        """As whoever runs this process: the server asks the kernel who that is. Raises Refused, ControlError."""
        try:
            line = _encoder.encode(request) + b"\n"
        except RecursionError as error:
            raise ControlError("This is nested too deeply for a request.") from error
        if len(line) > self._longest:
            raise ControlError(
                f"This is too large for the server: {_too_long(self._longest)}. Stop it, and do this without it."
            )
        try:
            self._writer.write(line)
            await self._writer.drain()
            line = await self._reader.readline()
        except ConnectionError as error:
            raise ControlError("The server went away before it answered.") from error
        except ValueError as error:
            raise ControlError(
                "The server's answer is too large. Stop it, and ask without it: then its data is read here."
            ) from error
        if not line.endswith(b"\n"):
            raise ControlError("The server ended the connection without an answer; its log says why.")
        try:
            reply = _replies.decode(line)
            if reply.problems:
                raise InvalidConfiguration(reply.problems)
            if reply.refusal:
                raise Refused(Refusal(reply.refusal), reply.detail)
            if reply.ok is msgspec.UNSET:
                raise ControlError(f"The server does not understand this command: {reply.detail}.")
            answer: A = msgspec.json.decode(reply.ok, type=request.answer_type)
        except (msgspec.DecodeError, ValueError) as error:
            raise ControlError("The server is another version of onema; restart it.") from error
        return answer

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def connect(data_folder: Path, longest: int = LONGEST_LINE) -> ControlClient | None:
    """A client of the server that runs on the folder; None when none does. Raises PermissionError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A local connect ends at once, so it may block.
        with _short_address(data_folder) as address:
            connection.connect(address)
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=longest)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return ControlClient(reader, writer, longest)


def _too_long(limit: int) -> str:
    return f"one request may have {limit:,} bytes"


@contextlib.contextmanager
def _short_address(folder: Path) -> Iterator[str]:
    """The socket's path in few bytes: an address holds 108 (unix(7)), a data folder's path may be longer."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
