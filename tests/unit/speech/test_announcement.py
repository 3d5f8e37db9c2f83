import pytest
from msgspec.structs import replace

from onema.domain.delivery.payload import CallPayload
from onema.domain.values.phone import Phone
from onema.speech import Voices
from onema.speech.announcement import Announcements


def test_what_a_voice_says_anyway_need_not_be_made(voices: Voices) -> None:
    """So that an application may use it where no sentence can be rendered; anything else must be made."""
    announcements = Announcements(lambda: voices)
    own = [("vi-north", "Mã xác thực của bạn là {OTP}"), ("vi-south", "Mã xác thực của bạn là: {OTP}.")]
    others = [("vi-north", "Mã của bạn là {OTP}"), ("en", "Mã xác thực của bạn là {OTP}")]
    assert announcements.unknown([*own, *others]) == others


def test_in_tones_no_code_is_heard(voices: Voices) -> None:
    """A tone stands for each character, so that all codes of a length sound alike; the sentence stays."""
    announcements = Announcements(lambda: voices)

    def call(code: str) -> CallPayload:
        return CallPayload(Phone("+84901888484"), "", "vi-north", code, None, 1, 1.0, 60, 0)

    toned = announcements.wav_in_tones(call("482913"))
    assert toned == announcements.wav_in_tones(call("770001"))
    assert toned != announcements.wav(call("482913"))
    assert len(toned) != len(announcements.wav_in_tones(call("4829")))
    with pytest.raises(ValueError, match="no voice"):
        announcements.wav_in_tones(replace(call("1234"), voice="nobody"))
