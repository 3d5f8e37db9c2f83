"""HAProxy's map of the cells: by the hash of an API's name and a key, the cell in which its account lives.

The map holds hashes, so that whoever reads it has nobody's key. HAProxy hashes what a request brings
(deploy/haproxy/cells.cfg).
"""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.wiring.cells import CellsError, lives_in

_AT_ONCE = 100
"""A command has at most tune.bufsize bytes (16 kB unless it was changed), a line a hash and the name of a cell."""
_VERSION = re.compile(r"version created: ([0-9]+)")


def key_hash(dialect: str, key: str) -> str:
    return hashlib.sha256(f"{dialect}/{key}".encode()).hexdigest()


def cell_map(cells: Mapping[str, Directory]) -> dict[str, str]:
    """Each key's cell."""
    return {
        key_hash(credential.dialect, credential.key): name
        for name, directory in cells.items()
        for credential in directory.of_kind(doc.Credential)
        if lives_in(directory, credential.account)
    }


def write_map(path: Path, entries: Mapping[str, str]) -> None:
    """The file that HAProxy begins with; replaced as a whole. Raises OSError."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.writelines(f"{key} {cell}\n" for key, cell in entries.items())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


async def set_map(socket: Path, map_name: str, entries: Mapping[str, str]) -> None:
    """Give the running HAProxy a new map, all at once. Raises CellsError."""
    try:
        said = await _ask(socket, f"prepare map {map_name}")
        version = _VERSION.search(said)
        if version is None:
            raise CellsError(f"HAProxy has no map {map_name}: {said}")
        lines = [f"{key} {cell}" for key, cell in entries.items()]
        for start in range(0, len(lines), _AT_ONCE):
            some = "\n".join(lines[start : start + _AT_ONCE])
            _must_be_silent(await _ask(socket, f"add map @{version[1]} {map_name} <<\n{some}\n"))
        _must_be_silent(await _ask(socket, f"commit map @{version[1]} {map_name}"))
    except OSError as error:
        raise CellsError(f"{socket}: HAProxy cannot be told ({error.strerror or error}).") from error


def _must_be_silent(said: str) -> None:
    """HAProxy says nothing when it has done what it was told."""
    if said:
        raise CellsError(f"HAProxy: {said}")


async def _ask(socket: Path, command: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(f"{command}\n".encode())
        await writer.drain()
        return (await reader.read()).decode(errors="replace").strip()
    finally:
        writer.close()
        await writer.wait_closed()
