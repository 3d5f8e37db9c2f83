"""What one call says of its sound, and what it hears of the far end's, between SDP and the media thread."""

import secrets

from onema.channels.voice_sip.line import Trunk
from onema.channels.voice_sip.listeners import Far
from onema.protocols.sip import sdp
from onema.speech.g711 import Law


class CallMedia:
    """See protocols.sip.call_events.Media; what it agrees to is a Far. `signalling` is the host that SIP goes to."""

    def __init__(self, trunk: Trunk, address: str, port: int, signalling: str) -> None:
        self._end = sdp.AudioEnd(
            address,
            port,
            session=secrets.randbits(31),
            laws=tuple(Law(codec) for codec in trunk.codecs),
            keys=trunk.telephone_events,
        )
        self._signalling = signalling

    @property
    def offer(self) -> bytes:
        return self._end.offer

    def accept(self, answer: bytes) -> Far:
        """Raises NotAcceptable."""
        return self._far(self._end.accept(answer))

    def answer(self, offer: bytes) -> tuple[bytes, Far]:
        """Raises NotAcceptable."""
        ours, theirs = self._end.answer(offer)
        return ours, self._far(theirs)

    def _far(self, audio: sdp.FarAudio) -> Far:
        return Far(
            address=(audio.address, audio.port),
            rtcp=(audio.address, audio.rtcp_port),
            law=audio.law,
            payload_type=audio.payload_type,
            event_type=audio.event_type,
            ptime_ms=audio.ptime_ms,
            listens=audio.listens,
            may_come_from=(self._signalling,),
        )
