"""What the built-in voices say, line by line. Letters are read by their name in the language."""

from __future__ import annotations

from dataclasses import dataclass

from onema.speech.pack import CHARACTERS


@dataclass(frozen=True)
class KokoroTake:
    """A character said among others: Kokoro swallows one that stands alone.

    Both in frames of 25 ms: `pause` is added to each comma, `shortest` is the least length of a character.
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


def _table(text: str) -> dict[str, str]:
    """From `0 zero, 1 one, ...`."""
    return {entry[0]: entry[2:] for entry in text.split(", ")}


_ITSELF = {letter: letter for letter in CHARACTERS[10:]}

# Letters by the names with which they are spelled out; W, Y and I by the longer of their two names, since "vê"
# and "i" alone are other letters. G is "gờ", since the South says "giê" and "vê" alike. J ("gi") is spelled
# "di", which sounds the same: espeak-ng 1.52 cuts "gi" short at 0.1 s.
_VIETNAMESE = _table(
    "0 không, 1 một, 2 hai, 3 ba, 4 bốn, 5 năm, 6 sáu, 7 bảy, 8 tám, 9 chín, A a, B bê, C xê, D đê, E e, F ép-phờ, "
    "G gờ, H hát, I i ngắn, J di, K ca, L e-lờ, M em-mờ, N en-nờ, O o, P pê, Q quy, R e-rờ, S ét-sì, T tê, U u, "
    "V vê, W vê kép, X ích-xì, Y i dài, Z dét"
)
_VIETNAMESE_SENTENCE = "Mã xác thực của bạn là"

_ENGLISH = _table("0 zero, 1 one, 2 two, 3 three, 4 four, 5 five, 6 six, 7 seven, 8 eight, 9 nine") | _ITSELF
_LETTER_SOUNDS = _table(
    "A ˈA, B bˈi, C sˈi, D dˈi, E ˈi, F ˈɛf, G ʤˈi, H ˈAʧ, I ˈI, J ʤˈA, K kˈA, L ˈɛl, M ˈɛm, N ˈɛn, O ˈO, P pˈi, "
    "Q kjˈu, R ˈɑɹ, S ˈɛs, T tˈi, U jˈu, V vˈi, W dˈʌbᵊljˌu, X ˈɛks, Y wˈI, Z zˈi"
)
_ENGLISH_SOUNDS = _LETTER_SOUNDS | _table(
    "0 zˈɪɹO, 1 wˈʌn, 2 tˈu, 3 θɹˈi, 4 fˈɔɹ, 5 fˈIv, 6 sˈɪks, 7 sˈɛvən, 8 ˈAt, 9 nˈIn"
)

# On the telephone 1 is yao, since yi and qi sound alike.
_MANDARIN = _table("0 零, 1 幺, 2 二, 3 三, 4 四, 5 五, 6 六, 7 七, 8 八, 9 九") | _ITSELF
_MANDARIN_SOUNDS = _LETTER_SOUNDS | _table(
    "0 li↗ŋ, 1 jau→, 2 ɚ↘, 3 sa→n, 4 sɨ↘, 5 u↓, 6 ljou↘, 7 ʨʰi→, 8 pa→, 9 ʨjou↓"
)


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
            "zm_yunxi", _MANDARIN_SOUNDS, "ni↗ntɤjɛ↘nꭧə↘ŋma↓ʂɨ↘",
        ),
    )
}  # fmt: skip

# Which takes a recogniser (Whisper base, 8 kHz) understood most often; see docs/voices.md. Other characters
# are taken from the first carrier of `build_kokoro.carriers()` that has them.
CHOSEN_TAKES: dict[str, dict[str, KokoroTake]] = {
    "en": {
        "C": KokoroTake("8FCMKO3", 2, shortest=12),
        "K": KokoroTake("8FCMKO3", 4, shortest=12),
    },
    "zh": {
        "0": KokoroTake("87096323", 2),
        "1": KokoroTake("84912573", 3),
        "2": KokoroTake("82310873", 1),
        "3": KokoroTake("87096323", 5, shortest=16),
        "4": KokoroTake("86549493", 3),
        "5": KokoroTake("84912573", 5),
        "6": KokoroTake("82046723", 4, shortest=16),
        "7": KokoroTake("82310873", 6),
        "8": KokoroTake("89426183", 6, shortest=16),
        "9": KokoroTake("87096323", 3),
    },
}
