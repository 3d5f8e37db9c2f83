"""What the built-in voices say, line by line. Letters are read by their name in the language."""

from __future__ import annotations

from dataclasses import dataclass

from onema.speech.pack import CHARACTERS


@dataclass(frozen=True)
class KokoroTake:
    """A character said among others: Kokoro swallows one that stands alone.

    `pause` and `shortest` are in frames of 25 ms: what is added to each comma, and the least length of a character.
    """

    carrier: str
    position: int
    pause: int = 8
    shortest: int = 14


@dataclass(frozen=True)
class VoiceLines:
    """The text of every line, and its sounds where the engine takes those (Kokoro: its own IPA)."""

    id: str
    language: str
    title: str
    espeak_voice: str
    sentence: str
    characters: dict[str, str]
    kokoro_voice: str | None = None
    sounds: dict[str, str] | None = None
    sentence_sounds: str = ""


_VIETNAMESE = dict(
    zip(
        CHARACTERS,
        # The ten digits, then the names by which letters are spelled out; W, Y and I by the longer of their
        # two names, since "vê" and "i" alone are other letters. J ("gi") is spelled "di", which sounds the
        # same: espeak-ng 1.52 cuts "gi" short at 0.1 s.
        "không,một,hai,ba,bốn,năm,sáu,bảy,tám,chín,"
        "a,bê,xê,đê,e,ép-phờ,giê,hát,i ngắn,di,ca,e-lờ,em-mờ,en-nờ,o,pê,quy,e-rờ,ét-sì,tê,u,vê,vê kép,ích-xì,i dài,dét".split(
            ","
        ),
        strict=True,
    )
)
_VIETNAMESE_SENTENCE = "Mã xác thực của bạn là"

_ENGLISH = {
    **dict(zip("0123456789", "zero,one,two,three,four,five,six,seven,eight,nine".split(","), strict=True)),
    **{letter: letter for letter in CHARACTERS[10:]},
}
_LETTER_SOUNDS = dict(
    zip(
        CHARACTERS[10:],
        "ˈA bˈi sˈi dˈi ˈi ˈɛf ʤˈi ˈAʧ ˈI ʤˈA kˈA ˈɛl ˈɛm ˈɛn ˈO pˈi kjˈu ˈɑɹ ˈɛs tˈi jˈu vˈi dˈʌbᵊljˌu ˈɛks wˈI zˈi".split(),
        strict=True,
    )
)
_ENGLISH_SOUNDS = {
    **dict(zip("0123456789", "zˈɪɹO wˈʌn tˈu θɹˈi fˈɔɹ fˈIv sˈɪks sˈɛvən ˈAt nˈIn".split(), strict=True)),
    **_LETTER_SOUNDS,
}

_MANDARIN = {
    # On the telephone 1 is yao, since yi and qi sound alike.
    **dict(zip("0123456789", "零幺二三四五六七八九", strict=True)),
    **{letter: letter for letter in CHARACTERS[10:]},
}
_MANDARIN_SOUNDS = {
    **dict(
        zip("0123456789", "li↗ŋ jau→ ɚ↘ sa→n sɨ↘ u↓ ljou↘ ʨʰi→ pa→ ʨjou↓".split(), strict=True),
    ),
    **_LETTER_SOUNDS,
}


def _vietnamese(voice_id: str, title: str, espeak_voice: str) -> VoiceLines:
    return VoiceLines(voice_id, "vi", title, espeak_voice, _VIETNAMESE_SENTENCE, _VIETNAMESE)


BUILT_IN_LINES = {
    lines.id: lines
    for lines in (
        VoiceLines(
            "en", "en", "English", "en-us", "Your verification code is", _ENGLISH,
            "af_heart", _ENGLISH_SOUNDS, "jʊɹ vˌɛɹəfəkˈAʃən kˈOd ˈɪz",
        ),
        _vietnamese("vi-central", "Vietnamese, Central (Huế)", "vi-vn-x-central"),
        _vietnamese("vi-north", "Vietnamese, North (Hà Nội)", "vi"),
        _vietnamese("vi-south", "Vietnamese, South (Sài Gòn)", "vi-vn-x-south"),
        VoiceLines(
            "zh", "zh", "Mandarin", "cmn", "您的验证码是", _MANDARIN,
            "zm_yunxi", _MANDARIN_SOUNDS, "ni↗n tɤ jɛ↘n ꭧə↘ŋ ma↓ ʂɨ↘",
        ),
    )
}  # fmt: skip

# Which takes a recogniser (Whisper base, 8 kHz) understood most often; see docs/voices.md. Other characters
# are taken from the first carrier of `build_kokoro.carriers()` that has them.
CHOSEN_TAKES: dict[str, dict[str, KokoroTake]] = {}
