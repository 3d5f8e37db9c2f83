"""Where an account is told of its messages, and which of these addresses have answered that they are gone."""

from onema.administration.author import Author
from onema.administration.customer_requests import CallbackAddress, PutAddressOnline, ReadAddresses
from onema.domain.configuration.callback_target import BadCallbackUrl, parse_callback_url
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.delivery.gone_addresses import GoneAddress, SwitchAddressOn, gone_key
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage


class Addresses:
    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage

    async def read(self, request: ReadAddresses) -> tuple[CallbackAddress, ...]:
        account = self._account(request.account)
        urls = {
            name: url for name in ("", *sorted(account.applications)) if (url := _own_address(account, name))
        }
        rows = await self._storage.read([gone_key(account.id, url) for url in urls.values()])
        found = []
        for name, url in urls.items():
            row = rows.get(gone_key(account.id, url))
            gone_at = row.gone_at if isinstance(row, GoneAddress) else 0
            found.append(CallbackAddress(application=name, host=_host(url), gone_at=gone_at))
        return tuple(found)

    async def put_online(self, request: PutAddressOnline, author: Author) -> bool:
        account = self._account(request.account)
        url = _own_address(account, request.application)
        if not url:
            raise Refused(Refusal.CONFLICT, "there is no callback address")
        command = SwitchAddressOn(account=account.id, url=url)
        was_off: bool = await author.execute(
            command, account.name, f"callback address at {_host(url)}", {"online": True}
        )
        return was_off

    def _account(self, name: str) -> AccountView:
        return account_by_name(self._gateway.directory, name)


def _own_address(account: AccountView, application: str) -> str:
    """The account's for no application; "" for one that has none, or that is not there."""
    if not application:
        return account.callback_url
    found = account.applications.get(application)
    return found.document.callback_url if found else ""


def _host(url: str) -> str:
    try:
        return parse_callback_url(url).host
    except BadCallbackUrl:
        return ""
