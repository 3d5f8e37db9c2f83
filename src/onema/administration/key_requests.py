"""What may be asked and ordered about server keys. None of it tells anything of a key itself."""

from typing import Literal

import msgspec

from onema.administration.asking import Request
from onema.domain.server_keys.reseal import Progress


class HeldKey(msgspec.Struct, frozen=True):
    """A server key that the asked process holds: in use; `former`, while something may rest under it; or it `waits`
    to be taken into use, or away.
    """

    id: str
    state: Literal["in use", "former", "waits"]


class NodeKeyring(msgspec.Struct, frozen=True):
    """What a process said of its keys at `reported_at` (Unix ms): ids. `progress` where it looks through the store."""

    process: str
    reported_at: int
    in_use: str
    held: tuple[str, ...]
    progress: Progress | None = None


class ServerKeysNow(msgspec.Struct, frozen=True):
    """The keys here, oldest first, and the processes; `progress` is the asked process's own."""

    keys: tuple[HeldKey, ...]
    nodes: tuple[NodeKeyring, ...]
    progress: Progress | None = None


class ReadServerKeys(Request[ServerKeysNow], frozen=True, kw_only=True, tag="read_server_keys"):
    """Which server keys there are, which processes hold them, and how far sealing again is."""

    answer_type = ServerKeysNow


class UseServerKey(Request[bool], frozen=True, kw_only=True, tag="use_server_key"):
    """Make everything new under this key, on all processes. Answer: whether it was not in use already.

    Raises Refused(CONFLICT) while a process lacks it.
    """

    answer_type = bool

    id: str


class RetireServerKey(Request[bool], frozen=True, kw_only=True, tag="retire_server_key"):
    """Do without a former key. Answer: whether it was still needed until now.

    Raises Refused(CONFLICT) while a process uses it or anything rests under it. Recovery codes of users have no end:
    where they are to be `dropped`, those made under it are worth nothing from now on.
    """

    answer_type = bool

    id: str
    drop_recovery_codes: bool = False


KeyRequest = ReadServerKeys | UseServerKey | RetireServerKey
