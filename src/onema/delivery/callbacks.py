"""Callbacks: what became of a message, told to the integrator in the shape of the API it was sent by.

A callback is a job made in the transaction of the change that it reports, so none is lost; a receiver that
answers late may get it twice.
"""

import logging
from collections.abc import Mapping

import httpx

from onema.delivery.callback_contract import CallbackRenderer, CallbackRequest
from onema.domain.finish_job import FinishJob
from onema.domain.records import Job, Message
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
RETRY_AFTER_SECONDS = (10, 60, 300, 900, 3600)
"""Five more tries, as the vendors do; then the callback is given up, which the message's story says."""


class CallbackSender:
    """Handles callback jobs."""

    def __init__(self, gateway: Gateway, storage: Storage, renderers: Mapping[str, CallbackRenderer]) -> None:
        self._gateway = gateway
        self._storage = storage
        self._renderers = renderers
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, job: Job) -> None:
        key = (Message, job.account, job.message)
        message = (await self._storage.read([key])).get(key)
        if not isinstance(message, Message):
            await self._finish(job, "the message is gone")
            return
        url = self._url(message)
        renderer = self._renderers.get(message.dialect)
        if not url or renderer is None:
            await self._finish(job, "no URL is configured any more")
            return
        problem = await self._post(renderer.render(message, url))
        if not problem:
            await self._finish(job, "delivered")
        elif job.attempt < len(RETRY_AFTER_SECONDS):
            retry_at = self._gateway.now() + RETRY_AFTER_SECONDS[job.attempt] * 1000
            await self._finish(job, f"{problem}; will try again", retry_at)
        else:
            await self._finish(job, f"{problem}; given up")

    def _url(self, message: Message) -> str:
        account = self._gateway.directory.accounts.get(message.account)
        if account is None:
            return ""
        application = account.applications.get(message.application)
        return application.document.callback_url if application else account.callback_url

    async def _post(self, request: CallbackRequest) -> str:
        """What went wrong, or nothing."""
        if self._client is None:
            # Waiting for a connection of ours is no fault of the receiver's, so it does not count as a try.
            timeout = httpx.Timeout(TIMEOUT_SECONDS, pool=None)
            self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
        try:
            response = await self._client.request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        return "" if response.is_success else f"HTTP {response.status_code}"

    async def _finish(self, job: Job, note: str, retry_at: int = 0) -> None:
        await self._gateway.execute(
            FinishJob(job=job.id, lease=job.lease, id=self._gateway.next_id(), note=note, retry_at=retry_at)
        )

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()
