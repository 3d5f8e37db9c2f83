import asyncio
from collections.abc import AsyncIterator

FIRST_SECONDS = 0.05
# A switch to the standby takes seconds; after it nobody should wait more than one more for the next try.
LONGEST_SECONDS = 1.0


async def delays() -> AsyncIterator[None]:
    """Yields for ever: at once, then after pauses that grow to LONGEST_SECONDS."""
    pause = FIRST_SECONDS
    while True:
        yield
        await asyncio.sleep(pause)
        pause = min(LONGEST_SECONDS, pause * 2)
