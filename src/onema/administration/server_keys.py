"""Answers what operators ask and order about server keys."""

from collections.abc import AsyncIterator

import msgspec

from onema.administration.author import Author
from onema.administration.key_requests import (
    HeldKey,
    NodeKeyring,
    ReadServerKeys,
    RetireServerKey,
    ServerKeysNow,
    UseServerKey,
)
from onema.domain.configuration.configure import REVISION
from onema.domain.door_rows import UserAccess
from onema.domain.keyring import Keyring, key_id
from onema.domain.people.access import read_access
from onema.domain.people.change_access import NewRecoveryCodes
from onema.domain.records import DirectoryRevision, KeyFingerprint
from onema.domain.refusals import Refusal, Refused
from onema.domain.server_keys.change_keys import RetireKey, UseKey
from onema.domain.server_keys.reseal import Progress, is_marked_elsewhere
from onema.domain.server_keys.rows import FORMER, NodeKeys
from onema.engine.gateway import Gateway
from onema.engine.key_follower import ReadKeys, reports, take_keys
from onema.engine.resealing import ROWS_AT_ONCE, Resealing
from onema.storage.contract import Storage

_LOOKS = 3
"""So often what was sealed under the old key meanwhile is sealed again before nobody is to be waited for."""
_progress = msgspec.json.Decoder(Progress)


class ServerKeys:
    def __init__(
        self, gateway: Gateway, storage: Storage, keyring: Keyring, read_keys: ReadKeys, resealing: Resealing
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._keyring = keyring
        self._read_keys = read_keys
        self._resealing = resealing

    async def read(self, request: ReadServerKeys) -> ServerKeysNow:
        await take_keys(self._storage, self._keyring, self._read_keys)
        former = await self._former()
        keys = tuple(
            HeldKey(
                one.id,
                "in use"
                if one is self._keyring.in_use
                else "former"
                if one.fingerprint == former
                else "waits",
            )
            for one in self._keyring.keys
        )
        nodes = tuple(map(_told, await self._nodes()))
        return ServerKeysNow(keys, nodes, self._resealing.progress)

    async def use(self, request: UseServerKey, author: Author) -> bool:
        if not await take_keys(self._storage, self._keyring, self._read_keys):
            raise Refused(Refusal.CONFLICT, "the server key in use is missing here")
        fingerprint = _fingerprint(request.id)
        if fingerprint not in self._keyring.fingerprints:
            raise Refused(Refusal.CONFLICT, f"There is no key {request.id!r} here.")
        nodes = await self._nodes()
        lacking = [one.process for one in nodes if request.id not in one.held.split()]
        # A version that knows one key only says nothing of it.
        now = self._gateway.now()
        silent = {one.process for one in await self._storage.read_process_reports() if one.expires_at > now}
        lacking += sorted(silent - {one.process for one in nodes})
        if lacking:
            raise Refused(Refusal.CONFLICT, f"the key is missing on: {', '.join(lacking)}")
        done: bool = await author.execute(UseKey(fingerprint), subject=f"server key {request.id}")
        self._keyring.use(fingerprint)
        self._resealing.wake()
        return done

    async def retire(self, request: RetireServerKey, author: Author) -> bool:
        await take_keys(self._storage, self._keyring, self._read_keys)
        revision = await self._revision()
        fingerprint = _fingerprint(request.id)
        if fingerprint == await self._former():
            behind = [one.process for one in await self._nodes() if one.in_use != self._keyring.fingerprint]
            if behind:
                raise Refused(Refusal.CONFLICT, f"it is still used on: {', '.join(behind)}")
            if request.drop_recovery_codes:
                await self._drop_recovery_codes(author)
            await self._require_nothing_left()
        done: bool = await author.execute(
            RetireKey(fingerprint, revision), subject=f"server key {request.id}"
        )
        return done

    async def _require_nothing_left(self) -> None:
        """Raises Refused(CONFLICT) that says what rests under another key than the one in use."""
        for _ in range(_LOOKS):
            found = await self._resealing.look()
            if not found.resealed:
                break
        else:
            raise Refused(Refusal.CONFLICT, "something is still sealed under it; try again")
        if found.left:
            told = ", ".join(f"{table} {count}" for table, count in sorted(found.left.items()))
            raise Refused(Refusal.CONFLICT, f"something still rests under it: {told}")

    async def _drop_recovery_codes(self, author: Author) -> None:
        async for row in self._accesses():
            if is_marked_elsewhere(row, self._keyring, self._gateway.now()):
                kept = tuple(
                    one
                    for one in read_access(row).recovery
                    if self._keyring.key_of_mac(bytes.fromhex(one)) == self._keyring.fingerprint
                )
                command = NewRecoveryCodes(user=row.name, recovery=kept)
                await author.execute(command, subject=f"user {row.name}")

    async def _accesses(self) -> AsyncIterator[UserAccess]:
        after = None
        while rows := await self._storage.read_after(UserAccess, after, ROWS_AT_ONCE):
            for row in rows:
                yield row
            after = rows[-1].key

    async def _nodes(self) -> list[NodeKeys]:
        return await reports(self._storage, self._gateway.now())

    async def _revision(self) -> int:
        key = (DirectoryRevision, REVISION)
        row = (await self._storage.read([key])).get(key)
        return row.revision if isinstance(row, DirectoryRevision) else 0

    async def _former(self) -> int:
        key = (KeyFingerprint, FORMER)
        row = (await self._storage.read([key])).get(key)
        return row.fingerprint if isinstance(row, KeyFingerprint) else 0


def _told(row: NodeKeys) -> NodeKeyring:
    progress = _progress.decode(row.progress) if row.progress else None
    return NodeKeyring(row.process, row.reported_at, key_id(row.in_use), tuple(row.held.split()), progress)


def _fingerprint(identifier: str) -> int:
    """Raises Refused(CONFLICT) for what is no id."""
    try:
        return int(identifier, 16)
    except ValueError:
        raise Refused(Refusal.CONFLICT, f"{identifier!r} is no id of a key") from None
