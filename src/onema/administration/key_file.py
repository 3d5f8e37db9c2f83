"""The file of the server keys, and the same text in the environment.

A key is 64 hex digits or more. The first one of an installation stands alone; those that came later begin with
`named:`, and all stand in lines, or with commas between them, oldest first.
"""

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from onema.domain.keyring import ServerKey

SERVER_KEY_BYTES = 32
_NAMED = "named:"


class KeyFileError(Exception):
    """The keys cannot be read or written; the text is a sentence for the operator, and does not show them."""


def parse_server_keys(text: str, source: str) -> tuple[ServerKey, ...]:
    """Raises KeyFileError."""
    # White space in the one key that there is has always been passed over.
    written = text.replace(",", "\n").split("\n") if _NAMED in text or "," in text else [text]
    keys = [_parse(one.strip(), source) for one in written if one.strip()]
    if not keys:
        raise KeyFileError(f"{source} must hold at least {SERVER_KEY_BYTES * 2} hex characters.")
    if sum(not key.named for key in keys) > 1:
        raise KeyFileError(f"{source} holds two keys without `{_NAMED}`; only the first key has none.")
    return tuple(keys)


def _parse(text: str, source: str) -> ServerKey:
    try:
        key = bytes.fromhex(text.removeprefix(_NAMED))
    except ValueError:
        key = b""
    if len(key) < SERVER_KEY_BYTES:
        raise KeyFileError(f"{source} must hold at least {SERVER_KEY_BYTES * 2} hex characters.")
    return ServerKey(key, named=text.startswith(_NAMED))


def read_server_keys(file: Path) -> tuple[ServerKey, ...]:
    """Raises FileNotFoundError, KeyFileError."""
    return parse_server_keys(_read(file), f"The server key file {file}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileError(f"The server key file {file} cannot be read: {error.strerror}.") from error


def add_server_key(file: Path) -> ServerKey:
    """Make a key and put it behind the others. Raises KeyFileError, OSError."""
    read_server_keys(file)
    line = _NAMED + secrets.token_hex(SERVER_KEY_BYTES)
    _replace(file, [*_lines(file), line])
    return _parse(line, str(file))


def remove_server_key(file: Path, fingerprint: int) -> bool:
    """Whether it was there. Raises KeyFileError, OSError."""
    keys = read_server_keys(file)
    left = [line for line, key in zip(_lines(file), keys, strict=True) if key.fingerprint != fingerprint]
    if len(left) == len(keys) or not left:
        return False
    _replace(file, left)
    return True


def _lines(file: Path) -> Sequence[str]:
    """Each key as it is written, in a line of its own."""
    text = _read(file)
    if _NAMED not in text:
        return ["".join(text.split())]
    return [line.strip() for line in text.replace(",", "\n").split("\n") if line.strip()]


def _replace(file: Path, lines: Sequence[str]) -> None:
    """Make the file hold these keys, whole or not at all, also when the machine stops meanwhile."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as stream:
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()
            owner = file.stat()
            with contextlib.suppress(PermissionError):
                os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(stream.fileno(), owner.st_mode & 0o777)
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
