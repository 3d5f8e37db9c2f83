"""What a call agrees with its far end about its sound."""

import pytest

from onema.channels.voice_sip.engine.call_media import CallMedia
from onema.channels.voice_sip.line import Trunk
from onema.channels.voice_sip.srtp import SrtpSession, offered
from onema.protocols.sip import sdp
from onema.protocols.sip.descriptions import NotAcceptable

HERE = "127.0.0.1"


def media(*, srtp: bool) -> CallMedia:
    trunk = Trunk(name="trunk", places=((HERE, 5060),), srtp=srtp)
    return CallMedia(trunk, HERE, 20_000, HERE)


def test_a_trunk_with_srtp_offers_keys_and_uses_those_that_were_chosen() -> None:
    """The far end opens what is sent; a re-INVITE with the same keys goes on where it was."""
    ours = media(srtp=True)
    theirs = sdp.AudioEnd(HERE, 30_000, session=1, crypto=offered())
    answer, heard = theirs.answer(ours.offer)
    far = ours.accept(answer)
    assert far.protection is not None
    assert heard.our_key is not None
    assert heard.their_key is not None
    opened = SrtpSession(heard.our_key, heard.their_key).unprotect(
        far.protection.protect(bytes([0x80]) + bytes(171))
    )
    assert opened == bytes([0x80]) + bytes(171)
    assert ours.accept(answer).protection is far.protection


def test_without_srtp_nothing_is_secret_and_with_it_nothing_is_in_clear() -> None:
    """A far end that wants the other gets no call."""
    plain = sdp.AudioEnd(HERE, 30_000, session=1)
    clear = media(srtp=False)
    answer, _ = plain.answer(clear.offer)
    assert clear.accept(answer).protection is None
    with pytest.raises(NotAcceptable):
        media(srtp=True).accept(answer)
    with pytest.raises(NotAcceptable):
        plain.answer(media(srtp=True).offer)
