from onema.speech import Voices
from onema.speech.announcement import Announcements


def test_what_a_voice_says_anyway_need_not_be_made(voices: Voices) -> None:
    """So that an application may use it where no sentence can be rendered; anything else must be made."""
    announcements = Announcements(lambda: voices)
    own = [("vi-north", "Mã xác thực của bạn là {OTP}"), ("vi-south", "Mã xác thực của bạn là: {OTP}.")]
    others = [("vi-north", "Mã của bạn là {OTP}"), ("en", "Mã xác thực của bạn là {OTP}")]
    assert announcements.unknown([*own, *others]) == others
