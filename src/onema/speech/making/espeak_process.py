"""The helper process that speaks with espeak-ng.

Called as `python -m onema.speech.making.espeak_process VOICE WORDS_PER_MINUTE`.
Text comes on stdin (UTF-8), a WAV file leaves on stdout. espeak-ng is GPL-3.0-or-later, so its library is
loaded here and nowhere else; this module uses nothing of onema but the format of the file.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from onema.speech.wav import Wav, write

# espeak-ng/speak_lib.h, version 1.52.
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _RANGE = 1, 4
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PATH_LIMIT = 160

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(RuntimeError):
    pass


def synthesise(text: str, voice: str, words_per_minute: int) -> Wav:
    """Raises EspeakError."""
    try:
        import espeakng_loader  # type: ignore[import-untyped]  # It ships no types.
    except ImportError as error:
        raise EspeakError("espeak-ng is not installed: install onema with its extra 'voice'") from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    return _spoken(library, espeakng_loader.get_data_path(), text, voice, words_per_minute)


def version() -> str:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Info.restype = ctypes.c_char_p
    return str(library.espeak_Info(None).decode().split()[0])


def _spoken(library: Any, data: str, text: str, voice: str, words_per_minute: int) -> Wav:
    rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT)
    if rate <= 0:
        # espeak-ng keeps the path in a fixed buffer and only says that it found nothing.
        hint = "; its path is too long for espeak-ng" if len(data) >= _PATH_LIMIT else ""
        raise EspeakError(f"espeak-ng found no data in {data}{hint}")
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise EspeakError(f"espeak-ng has no voice {voice}")
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    pcm = bytearray()

    def collect(samples: Any, count: int, events: int | None) -> int:
        if samples and count > 0:
            pcm.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    encoded = text.encode()
    buffer = ctypes.create_string_buffer(encoded)
    status = library.espeak_Synth(
        buffer, ctypes.c_size_t(len(encoded) + 1), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
    )
    if status != 0 or library.espeak_Synchronize() != 0:
        raise EspeakError("espeak-ng could not speak the text")
    return Wav(rate, 1, bytes(pcm))


def main() -> int:
    voice, words_per_minute = sys.argv[1:]
    try:
        audio = synthesise(sys.stdin.buffer.read().decode(), voice, int(words_per_minute))
    except EspeakError as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(write(audio))
    return 0


if __name__ == "__main__":
    sys.exit(main())
