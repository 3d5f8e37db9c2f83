"""A trunk whose far end is a phone that others wrote: what it recorded is the code."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from onema.domain.delivery.outcome import Ending
from onema.speech.hearing.decode import hear_wav
from tests.peers.voice.calling import trunk_before
from tests.peers.voice.phones import PHONES, Phone, pjsua2_with_srtp
from tests.sip import VOICE, VOICES

CODE = "482"

CALLS = 3
"""A phone that the machine lets wait drops what came too late, so that it may miss a digit now and then."""


@pytest.mark.parametrize("name", PHONES)
async def test_a_phone_records_the_code(name: str, tmp_path: Path) -> None:
    """Decoded exactly from its own recording, after whatever re-INVITE, STUN or early BYE it is known for; and the keys
    that it presses are heard, each once.
    """
    await code_is_recorded(PHONES[name], tmp_path)


async def test_a_phone_with_srtp_records_the_code(tmp_path: Path) -> None:
    """Another one's SRTP opens ours, with the keys that the SDPs have."""
    await code_is_recorded(pjsua2_with_srtp, tmp_path, srtp=True)


async def code_is_recorded(
    phone_in: Callable[[Path], AbstractAsyncContextManager[Phone]], folder: Path, **settings: Any
) -> None:
    heard: list[str | None] = []
    while CODE not in heard and len(heard) < CALLS:
        own = folder / str(len(heard))
        own.mkdir()
        settings = {"repeat_key": "", **settings}
        async with phone_in(own) as phone, trunk_before(phone.port, phone.host, **settings) as trunk:
            outcome = await trunk.call(code=CODE)
        assert outcome.ending is Ending.ANSWERED
        assert outcome.call is not None
        assert outcome.call.keys == phone.presses
        heard.append(hear_wav(phone.recording.read_bytes(), VOICES.voices[VOICE]).code)
    assert heard[-1] == CODE
