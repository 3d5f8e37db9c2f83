"""Addresses that are told of no more events: they answered that they are gone, and nobody put them online since."""

import hashlib
from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.ids import AccountId
from onema.domain.records import Key, Row


class GoneAddress(Row, frozen=True, gc=False):
    """`digest` is of the whole URL, whose path and query may hold integrators' secrets; `host` is for people. Another
    URL is another address.
    """

    table = "gone_addresses"
    key_columns = 2

    account: AccountId
    digest: str
    host: str
    gone_at: int


def gone_key(account: AccountId, url: str) -> Key:
    return (GoneAddress, account, hashlib.sha256(url.encode()).hexdigest())


class SwitchAddressOff(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The address answered 410 (Gone). Result: whether it was online."""

    account: AccountId
    url: str
    host: str
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return (gone_key(self.account, self.url),)

    def decide(self, world: World, context: Context) -> Decision:
        _, account, digest = gone_key(self.account, self.url)
        if world.get(GoneAddress, account, digest) is not None:
            return Decision(False)
        return Decision(True, puts=(GoneAddress(account, digest, self.host, self.now),))


class SwitchAddressOn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody says that the address listens again. Result: whether it was off."""

    account: AccountId
    url: str

    def keys(self, context: Context) -> Iterable[Key]:
        return (gone_key(self.account, self.url),)

    def decide(self, world: World, context: Context) -> Decision:
        key = gone_key(self.account, self.url)
        if world.get(*key) is None:
            return Decision(False)
        return Decision(True, deletes=(key,))
