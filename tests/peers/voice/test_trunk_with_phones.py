"""A trunk whose far end is a phone that others wrote: what it recorded is the code."""

from pathlib import Path

import pytest

from onema.domain.delivery.outcome import Ending
from onema.speech.hearing.decode import hear_wav
from tests.peers.voice.calling import trunk_before
from tests.peers.voice.phones import PHONES
from tests.sip import CODE, VOICE, VOICES

CALLS = 3
"""A phone that the machine lets wait drops what came too late, so that it may miss a digit now and then."""


@pytest.mark.parametrize("name", PHONES)
async def test_a_phone_records_the_code(name: str, tmp_path: Path) -> None:
    """Decoded exactly from its own recording, after whatever re-INVITE, STUN or early BYE it is known for."""
    heard: list[str | None] = []
    while CODE not in heard and len(heard) < CALLS:
        folder = tmp_path / str(len(heard))
        folder.mkdir()
        async with PHONES[name](folder) as phone, trunk_before(phone.port, phone.host) as trunk:
            outcome = await trunk.call()
        assert outcome.ending is Ending.ANSWERED
        heard.append(hear_wav(phone.recording.read_bytes(), VOICES.voices[VOICE]).code)
    assert heard[-1] == CODE
