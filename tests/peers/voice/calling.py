"""A trunk before a far end that others wrote, and one call over it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from onema.channels.voice_sip.carrier import SipCarrier
from onema.channels.voice_sip.process import SipEngine
from onema.domain.delivery.outcome import Outcome
from tests.sip import VOICES, Events, call, ready, sip_settings, trunk_to

FAR_NUMBER = "+84901888484"


class Trunk:
    """A started carrier, and what it told of its calls."""

    def __init__(self, carrier: SipCarrier, events: Events) -> None:
        self.carrier = carrier
        self.events = events

    async def call(self, **options: Any) -> Outcome:
        return await self.carrier.send(call(FAR_NUMBER, **options))


@asynccontextmanager
async def trunk_before(port: int, host: str = "127.0.0.1", **settings: Any) -> AsyncIterator[Trunk]:
    """With an engine of its own."""
    events = Events()
    wanted = sip_settings(**{**trunk_to(port), "domain": f"{host}:{port}", **settings})
    carrier = SipCarrier("trunk", wanted, SipEngine(), VOICES, events, steady=time.monotonic)
    await ready(carrier)
    try:
        yield Trunk(carrier, events)
    finally:
        await carrier.stop()
