"""Of little money its account is told, by an event of our own API: docs/api.md#events."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator

import pytest
from standardwebhooks.webhooks import Webhook

from onema.administration.answers import Administration
from onema.administration.customer_requests import ReadLowBalances
from onema.delivery.callback_client import CallbackClient, Told
from onema.delivery.callback_contract import CallbackRenderer, CallbackRequest
from onema.delivery.callbacks import CallbackSender
from onema.dialects.native.callbacks import NativeEvents, webhook_secret
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.configuration.move_account import PlaceAccount
from onema.domain.delivery.callback_try import CallbackTry
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import MessageState
from onema.domain.values.money import parse_amount
from onema.engine.low_balances import LowBalances
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.delivering import build_dispatcher

from .conftest import LEASE_MS, LIFETIME_MS, DeliveryRig
from .test_callbacks import Receiver, Renderer, tries

SECRET = "a secret of the account"
LIMIT = "1000"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


class Kept(CallbackClient):
    """Sends, and keeps what it sent."""

    sent: list[CallbackRequest]

    async def tell(self, request: CallbackRequest, *, as_event: bool = False) -> Told:
        self.sent.append(request)
        return await super().tell(request, as_event=as_event)


async def start(rig: DeliveryRig, url: str, *, key: bool = True) -> Kept:
    """An account with a limit, whose messages come in by another API than ours."""
    # The judge compares with its own clock.
    rig.clock.advance(dt.datetime.now(dt.UTC).timestamp() - rig.clock.now() / 1000)
    carrier = RecordingCarrier("first")
    await rig.configure(carrier)
    account = doc.Account(name="acme", wallet="postpaid", windows=(), callback_url=url, low_balance=LIMIT)
    credential = doc.Credential(account="acme", dialect="native", key="k", secret=SECRET)
    documents = (account, credential) if key else (account,)
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=documents))
    client = Kept(seconds=LEASE_MS / 3000, now=rig.clock.now, private_targets=True)
    client.sent = []
    rig.closing.push_async_callback(client.close)
    renderers: dict[str, CallbackRenderer] = {"test": Renderer(), "native": NativeEvents(rig.gateway)}
    dispatcher = build_dispatcher(
        rig.gateway,
        rig.committer,
        rig.storage,
        rig.keyring,
        {"first": carrier},
        CallbackSender(rig.gateway, rig.storage, renderers, client),
        concurrency=10,
        lease_ms=LEASE_MS,
        receipt_lifetime_ms=LIFETIME_MS,
        poll_seconds=0.005,
    )
    await carrier.start(dispatcher.wake)
    await dispatcher.start()
    rig.dispatchers.append(dispatcher)
    return client


async def top_up(rig: DeliveryRig, amount: str, reference: str) -> None:
    number = rig.gateway.next_id()
    command = TopUpWallet(
        id=number, now=rig.clock.now(), account="acme", reference=reference, amount=parse_amount(amount)
    )
    await rig.gateway.execute(command)


async def about_balance(rig: DeliveryRig, message: int) -> CallbackTry:
    """Beside what was told of the message's end."""
    return next(one for one in await tries(rig, message, 2) if one.about)


async def test_little_money_is_told_once_until_there_is_more(rig: DeliveryRig, receiver: Receiver) -> None:
    """PyPI's standardwebhooks judges the event; it stands in the story of the message that took the money, too."""
    client = await start(rig, receiver.url)
    watch = LowBalances(rig.gateway, rig.storage)
    await top_up(rig, "2000", "first")
    first = await rig.send()
    await watch.refresh()
    assert watch.counted == {(): 0}
    second = await rig.send("+84901888485")
    for _ in range(2):
        await watch.refresh()
    assert watch.counted == {(): 1}
    told = await about_balance(rig, second)
    assert (told.about, told.then) == ("balance.low", "delivered")
    (event,) = [one for one in client.sent if b"balance.low" in one.body]
    assert event.url == receiver.url
    headers = {name.decode(): value.decode() for name, value in event.headers}
    assert headers["webhook-id"].startswith("evt_")
    assert Webhook(webhook_secret(SECRET)).verify(event.body, headers)["data"] == {
        "account": "acme",
        "balance": "300",
        "threshold": "1000",
        "currency": "VND",
    }
    (shown,) = await Administration(rig.gateway, rig.storage).answer(ReadLowBalances())
    assert (shown.account, shown.balance, shown.threshold) == (
        "acme",
        parse_amount("300"),
        parse_amount(LIMIT),
    )
    await top_up(rig, "1000", "second")
    await watch.refresh()
    assert watch.counted == {(): 0}
    third = await rig.send("+84901888486")
    await watch.refresh()
    assert (await about_balance(rig, third)).then == "delivered"
    assert len([one for one in client.sent if b"balance.low" in one.body]) == 2
    await rig.reaches(first, MessageState.DELIVERED)


async def test_an_account_without_a_key_of_our_api_gets_no_event_of_it(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """Its receiver waits for a vendor's callbacks, and could verify nothing."""
    client = await start(rig, receiver.url, key=False)
    watch = LowBalances(rig.gateway, rig.storage)
    sent = await rig.send()
    await watch.refresh()
    told = await about_balance(rig, sent)
    assert told.problem == "the account has no key of the API that tells of balances"
    assert not [one for one in client.sent if b"balance.low" in one.body]
    assert watch.counted == {(): 1}


async def test_an_account_on_its_way_to_another_cell_is_told_there(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """Nothing is decided for it here, and a look that asks for that would end before the other accounts."""
    await start(rig, receiver.url)
    watch = LowBalances(rig.gateway, rig.storage)
    await rig.send()
    await rig.gateway.execute(PlaceAccount(account="acme", moving_to="south"))
    await watch.refresh()
    assert watch.counted == {(): 0}
    await rig.gateway.execute(PlaceAccount(account="acme"))
    await watch.refresh()
    assert watch.counted == {(): 1}
