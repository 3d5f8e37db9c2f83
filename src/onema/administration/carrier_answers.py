"""What operators ask of carriers: how they are, and to try one."""

import contextlib
from collections.abc import Callable, Sequence

import msgspec

from onema.administration.author import Author
from onema.administration.requests import HeldCapacity, ReadCapacity, ReadCarriers, TestCall, TestCarrier
from onema.channels.contract import CarrierStatus
from onema.delivery.carrier_reports import statuses_in
from onema.delivery.carriers import shown_state
from onema.domain.codes.try_call import TryCall
from onema.domain.codes.try_carrier import TryCarrier
from onema.domain.configuration.directory import AccountView, Directory
from onema.domain.configuration.named_account import account_by_name
from onema.domain.delivery.capacity import holders_of
from onema.domain.delivery.message_progress import OPERATORS_OWN
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import CarrierCapacity
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import mask, parse_phone
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

HOME_COUNTRY = "VN"
"""Where national numbers belong that an operator types for an account that says nothing of it."""

DEFAULT_VOICE = "vi-north"


class CarrierAnswers:
    """Answers on the gateway and the store, and on the carriers of this process where some run."""

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage
        self.status: Callable[[], Sequence[CarrierStatus]] | None = None
        """Says how the carriers of this process are; None where none run. Set by whoever starts them."""

    async def read(self, request: ReadCarriers) -> Sequence[CarrierStatus]:
        told = list(self.status()) if self.status else await self._reported()
        silent = self._gateway.directory.carriers.keys() - {one.name for one in told}
        told += [
            CarrierStatus(carrier.name, carrier.type, shown_state(carrier))
            for name, carrier in self._gateway.directory.carriers.items()
            if name in silent
        ]
        return sorted(told, key=lambda one: (one.name, one.process))

    async def capacity(self, request: ReadCapacity) -> Sequence[HeldCapacity]:
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

    async def test(self, request: TestCarrier, author: Author) -> MessageId:
        account = self._account(request.account)
        home = account.country or HOME_COUNTRY
        identifier, now = MessageId(self._gateway.next_id()), self._gateway.now()
        await author.execute(
            TryCarrier(
                account=account.id,
                id=identifier,
                now=now,
                entropy=self._gateway.token(NONCE_BYTES),
                dialect=OPERATORS_OWN,
                phone=parse_phone(request.phone, home),
                home_country=home,
                client_ip="",
                carrier=request.carrier,
                sender=request.sender
                or next(iter(account.brandnames), account.document.fixed_number or "onema"),
                text=request.text,
                valid_until=now + request.seconds * 1000,
            ),
            account.name,
            f"carrier {request.carrier}",
            {"phone": mask(request.phone), "message": str(identifier)},
        )
        return identifier

    async def call(self, request: TestCall, author: Author) -> MessageId:
        account = self._account(request.account)
        home = account.country or HOME_COUNTRY
        identifier, now = MessageId(self._gateway.next_id()), self._gateway.now()
        await author.execute(
            TryCall(
                account=account.id,
                id=identifier,
                now=now,
                entropy=self._gateway.token(NONCE_BYTES),
                dialect=OPERATORS_OWN,
                phone=parse_phone(request.phone, home),
                home_country=home,
                client_ip="",
                carrier=request.carrier,
                caller=request.caller or _first_hotline(account, self._gateway.directory),
                voice=request.voice or DEFAULT_VOICE,
                code=request.code,
                valid_until=now + request.seconds * 1000,
            ),
            account.name,
            f"carrier {request.carrier}",
            {"phone": mask(request.phone), "message": str(identifier)},
        )
        return identifier

    def _account(self, name: str) -> AccountView:
        """Raises Refused(CONFLICT)."""
        accounts = self._gateway.directory.account_named
        if not name and len(accounts) != 1:
            raise Refused(Refusal.CONFLICT, "Name the account whose message it is to be (--account).")
        return account_by_name(self._gateway.directory, name or next(iter(accounts)))

    async def _reported(self) -> list[CarrierStatus]:
        """What the processes say that use this store."""
        found: list[CarrierStatus] = []
        for report in await self._storage.read_process_reports():
            # One of another version may say it in other words.
            with contextlib.suppress(msgspec.ValidationError):
                found += statuses_in(report)
        return [one for one in found if one.name in self._gateway.directory.carriers]


def _first_hotline(account: AccountView, directory: Directory) -> str:
    """What the account's calls show, without counting for its caps; empty: the carrier's own."""
    for application in account.applications.values():
        pool = directory.pools.get(application.document.pool)
        if pool is not None and pool.hotlines:
            return pool.hotlines[0].number
    return ""
