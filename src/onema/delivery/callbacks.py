"""Callbacks: what became of a message, and how far its call is, told to the integrator in the shape of the API it was
sent by.

A callback is a job made in the transaction of the change that it reports, so none is lost; a receiver that
answers late may get it twice.
"""

import logging
from collections.abc import Mapping

import msgspec

from onema.delivery.callback_client import GONE, Teller
from onema.delivery.callback_contract import (
    CallbackRenderer,
    CallbackRequest,
    CallNewsRenderer,
    EventRenderer,
    NotTold,
)
from onema.delivery.failed_jobs import GivenUp
from onema.delivery.patience import patience_of
from onema.domain.audit import Audited, by_the_server
from onema.domain.delivery.call_news import news_of
from onema.domain.delivery.callback_try import AGAIN, GIVEN_UP, NOT_TOLD, CallbackTry
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.gone_addresses import GoneAddress, SwitchAddressOff, gone_key
from onema.domain.delivery.message_progress import call_state_url, callback_url
from onema.domain.ids import AccountId, time_of_id
from onema.domain.money.low_balance import BALANCE_LOW, low_balance_news
from onema.domain.records import Call, Channel, Job, Message
from onema.engine.gateway import Gateway
from onema.engine.last_call import last_call
from onema.storage.contract import Storage
from onema.telemetry.redaction import safe

log = logging.getLogger(__name__)


class CallbackSender:
    """Handles callback jobs. Raises GivenUp for one that no further try helps."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        renderers: Mapping[str, CallbackRenderer],
        client: Teller,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._renderers = renderers
        self._events = next((one for one in renderers.values() if isinstance(one, EventRenderer)), None)
        """Tells what is about an account."""
        self._client = client

    async def __call__(self, job: Job) -> None:
        key = (Message, job.account, job.message)
        message = (await self._storage.read([key])).get(key)
        if not isinstance(message, Message):
            await self._finish(job, CallbackTry(problem="the message is gone", then=NOT_TOLD))
            return
        url = self._url(job, message)
        low = low_balance_news(job)
        renderer = self._renderers.get(message.dialect) if low is None else self._events
        if not url or renderer is None:
            await self._finish(job, CallbackTry(problem="no URL is configured any more", then=NOT_TOLD))
            return
        patience = patience_of(renderer)
        if self._gateway.now() - time_of_id(job.id) > patience.kept_ms:
            raise GivenUp(f"its turn did not come within {patience.kept_ms // 3_600_000} hours")
        request = await self._request(job, renderer, message, url)
        if isinstance(request, NotTold):
            await self._finish(job, CallbackTry(problem=request.why, then=NOT_TOLD, about=_about(job)))
            return
        if patience.is_event and (host := await self._gone_host(message.account, url)):
            off = CallbackTry(host, problem="the address answered 410 and is switched off", then=NOT_TOLD)
            await self._finish(job, off)
            return
        began = self._gateway.now()
        told = await self._client.tell(request, as_event=patience.is_event)
        took_ms = max(self._gateway.now() - began, 0)
        tried = CallbackTry(told.host, told.status, took_ms, told.problem, about=_about(job))
        if not told.problem:
            await self._finish(job, tried)
        elif told.again and (pause := patience.pause_ms(job, told.pause_ms)):
            tried = msgspec.structs.replace(tried, then=AGAIN)
            await self._finish(job, tried, self._gateway.now() + pause)
        else:
            if patience.is_event and told.status == GONE:
                await self._switch_off(message.account, url, told.host)
            raise GivenUp(told.problem, msgspec.structs.replace(tried, then=GIVEN_UP).noted())

    async def _request(
        self, job: Job, renderer: CallbackRenderer, message: Message, url: str
    ) -> CallbackRequest | NotTold:
        if (low := low_balance_news(job)) is not None:
            account = self._gateway.directory.accounts.get(job.account)
            if account is None or not isinstance(renderer, EventRenderer):
                return NotTold("no API tells of balances any more")
            return renderer.render_low_balance(job.id, account, low, message, url)
        news = news_of(job)
        if news is None:
            of_a_call = message.channel == Channel.CALL
            last = await last_call(self._storage, job.account, job.message) if of_a_call else None
            return renderer.render(message, url, last)
        key = (Call, job.account, job.message, news.attempt)
        call = (await self._storage.read([key])).get(key)
        if not isinstance(renderer, CallNewsRenderer) or not isinstance(call, Call):
            return NotTold("its API tells nothing of calls any more")
        return renderer.render_call(message, call, news, url)

    async def _gone_host(self, account: AccountId, url: str) -> str:
        """The host of an address that answered that it is gone; "" for one that has not."""
        key = gone_key(account, url)
        row = (await self._storage.read([key])).get(key)
        return row.host if isinstance(row, GoneAddress) else ""

    async def _switch_off(self, account: AccountId, url: str, host: str) -> None:
        gateway = self._gateway
        now, name = gateway.now(), gateway.directory.accounts[account].name
        entry = by_the_server(
            gateway.next_id(),
            now,
            name,
            "switch_address_off",
            f"callback address at {host}",
            {"status": GONE},
        )
        await gateway.execute(
            Audited(SwitchAddressOff(account=account, url=url, host=host, now=now), (entry,))
        )

    def _url(self, job: Job, message: Message) -> str:
        account = self._gateway.directory.accounts.get(message.account)
        if account is None:
            return ""
        if low_balance_news(job) is not None:
            # It is the account's own matter; where only applications have an address, that of who spent the money.
            return account.callback_url or callback_url(account, message)
        return call_state_url(account, message) if job.payload else callback_url(account, message)

    async def _finish(self, job: Job, tried: CallbackTry, retry_at: int = 0) -> None:
        log.info(
            "callback ended",
            extra={"action": "callback", "message_id": safe(job.message), "result": tried.result},
        )
        await self._gateway.execute(
            FinishJob(
                job=job.id, lease=job.lease, id=self._gateway.next_id(), note=tried.noted(), retry_at=retry_at
            )
        )


def _about(job: Job) -> str:
    if low_balance_news(job) is not None:
        return BALANCE_LOW
    news = news_of(job)
    return news.in_words if news is not None else ""
