"""What a call's trace is made of: every message of its conversations."""

import time
from collections.abc import Callable

from onema.channels.voice_sip.engine.conversation import Conversation
from onema.channels.voice_sip.transports import Hop
from onema.protocols.sip.trace import Trace


class CallTrace:
    """Of one call, over all places that it was tried at. `now` is Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._trace = Trace()
        self._now = now

    def follow(self, conversation: Conversation, local_ip: str) -> None:
        def add(is_outgoing: bool, octets: bytes, hop: Hop) -> None:
            self._trace.add(
                self._now(),
                octets,
                is_outgoing=is_outgoing,
                local=(local_ip, conversation.transport.port),
                far=(hop.ip, hop.port),
                transport=hop.kind.upper(),
            )

        conversation.on_message = add

    def kept(self) -> bytes:
        return self._trace.encode()
