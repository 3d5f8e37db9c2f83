"""What one call says of its sound, and what it hears of the far end's, between SDP and the media thread."""

import secrets

from onema.channels.voice_sip import srtp
from onema.channels.voice_sip.line import Trunk
from onema.channels.voice_sip.listeners import Far
from onema.channels.voice_sip.srtp import SrtpSession
from onema.protocols.sip import sdp
from onema.protocols.sip.crypto_lines import Crypto
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
            crypto=srtp.offered() if trunk.srtp else (),
        )
        self._keys: tuple[Crypto, Crypto] | None = None
        self._protection: SrtpSession | None = None
        """Of these keys: it counts packets, so that it stays as long as they do."""
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
            protection=self._protection_of(audio),
        )

    def _protection_of(self, audio: sdp.FarAudio) -> SrtpSession | None:
        if audio.our_key is None or audio.their_key is None:
            return None
        keys = (audio.our_key, audio.their_key)
        if self._protection is None or keys != self._keys:
            self._keys, self._protection = keys, SrtpSession(*keys)
        return self._protection
