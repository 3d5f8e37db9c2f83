"""Callbacks: what became of a message, told to the integrator in the shape of the API it was sent by.

A callback is a job made in the transaction of the change that it reports, so none is lost; a receiver that
answers late may get it twice.
"""

import logging
from collections.abc import Mapping

import msgspec

from onema.delivery.callback_client import CallbackClient
from onema.delivery.callback_contract import CallbackRenderer
from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS, GivenUp
from onema.domain.delivery.callback_try import AGAIN, GIVEN_UP, NOT_TOLD, CallbackTry
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.message_progress import callback_url
from onema.domain.ids import time_of_id
from onema.domain.records import Job, Message
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage
from onema.telemetry.redaction import safe

log = logging.getLogger(__name__)

KEPT_MS = 24 * 3_600_000
"""How long a callback waits for its turn, which is long only where the account's receiver keeps others waiting."""


class CallbackSender:
    """Handles callback jobs. Raises GivenUp for one that no further try helps."""

    def __init__(
        self,
        gateway: Gateway,
        storage: Storage,
        renderers: Mapping[str, CallbackRenderer],
        client: CallbackClient,
    ) -> None:
        self._gateway = gateway
        self._storage = storage
        self._renderers = renderers
        self._client = client

    async def __call__(self, job: Job) -> None:
        key = (Message, job.account, job.message)
        message = (await self._storage.read([key])).get(key)
        if not isinstance(message, Message):
            await self._finish(job, CallbackTry(problem="the message is gone", then=NOT_TOLD))
            return
        url = self._url(message)
        renderer = self._renderers.get(message.dialect)
        if not url or renderer is None:
            await self._finish(job, CallbackTry(problem="no URL is configured any more", then=NOT_TOLD))
            return
        if self._gateway.now() - time_of_id(job.id) > KEPT_MS:
            raise GivenUp("its turn did not come within a day")
        began = self._gateway.now()
        told = await self._client.tell(renderer.render(message, url))
        tried = CallbackTry(told.host, told.status, max(self._gateway.now() - began, 0), told.problem)
        if not told.problem:
            await self._finish(job, tried)
        elif told.again and job.attempt < len(RETRY_AFTER_SECONDS):
            pause = max(RETRY_AFTER_SECONDS[job.attempt] * 1000, told.pause_ms)
            tried = msgspec.structs.replace(tried, then=AGAIN)
            await self._finish(job, tried, self._gateway.now() + pause)
        else:
            raise GivenUp(told.problem, msgspec.structs.replace(tried, then=GIVEN_UP).noted())

    def _url(self, message: Message) -> str:
        account = self._gateway.directory.accounts.get(message.account)
        return callback_url(account, message) if account is not None else ""

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
