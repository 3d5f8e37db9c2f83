"""Handles the jobs that take a code's plan on: when its time has come, the next channel sends the same code."""

from onema.domain.codes.channel_plan import progress_of, subject_of
from onema.domain.codes.send_more import StartNextChannel
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Job, LiveVerification
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage


class NextChannels:
    """Looks up how far the plan is; StartNextChannel decides, on the locked row, whether it is still so."""

    def __init__(self, gateway: Gateway, storage: Storage) -> None:
        self._gateway = gateway
        self._storage = storage

    async def __call__(self, job: Job) -> None:
        phone, purpose = subject_of(job)
        key = (LiveVerification, job.account, phone, purpose)
        live = (await self._storage.read([key])).get(key)
        progress = progress_of(live) if isinstance(live, LiveVerification) else None
        if not isinstance(live, LiveVerification) or live.verification != job.message:
            progress = None
        await self._gateway.execute(
            StartNextChannel(
                account=job.account,
                id=MessageId(self._gateway.next_id()),
                now=self._gateway.now(),
                entropy=self._gateway.token(NONCE_BYTES),
                phone=phone,
                purpose=purpose,
                verification=job.message,
                plan=live.plan if isinstance(live, LiveVerification) else b"",
                job=job.id,
                lease=job.lease,
                seen=progress,
            )
        )
