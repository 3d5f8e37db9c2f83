from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import Protocol

from onema.speech.clip import Clip
from onema.speech.pack import Voice
from onema.speech.recording import RecordingError, clip_from_wav

MAX_TEXT = 300
"""Characters: about 20 seconds of speech."""


class RenderError(ValueError):
    """The sentence could not be rendered; the text says why, for the person who saves it."""


class SentenceRenderer(Protocol):
    """Makes an application's own sentence, when it is saved and never while a call is made."""

    async def render(self, text: str, voice: Voice) -> Clip:
        """A clip that fits between the voice's own clips: same loudness, trimmed. Raises RenderError."""


class EspeakRenderer:
    """espeak-ng in a process of its own for each sentence (about 0.1 s)."""

    def __init__(self, *, words_per_minute: int = 150, timeout: float = 15.0) -> None:
        """`timeout` is in seconds; the process is killed after it."""
        self._words_per_minute = words_per_minute
        self._timeout = timeout

    @staticmethod
    def is_installed() -> bool:
        """Whether the extra `voice` is there."""
        return find_spec("espeakng_loader") is not None

    async def render(self, text: str, voice: Voice) -> Clip:
        sentence = text.strip()
        if not sentence:
            raise RenderError("the sentence is empty")
        if len(sentence) > MAX_TEXT:
            raise RenderError(f"the sentence has {len(sentence)} characters, at most {MAX_TEXT} are spoken")
        if not self.is_installed():
            raise RenderError(
                "espeak-ng is not installed: install onema with its extra 'voice', or upload a recording"
            )
        audio = await self._run(sentence, voice.espeak_voice)
        try:
            # Resampling takes some milliseconds, too long for the loop that also answers requests.
            return await asyncio.to_thread(clip_from_wav, audio, sentence)
        except RecordingError as error:
            raise RenderError(f"espeak-ng spoke nothing usable: {error}") from error

    async def _run(self, sentence: str, espeak_voice: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "onema.speech.espeak_process",
            espeak_voice,
            str(self._words_per_minute),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            audio, complaint = await asyncio.wait_for(process.communicate(sentence.encode()), self._timeout)
        except TimeoutError as error:
            raise RenderError(f"espeak-ng took longer than {self._timeout:.0f} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            last = complaint.decode(errors="replace").strip().splitlines()[-1:]
            raise RenderError("".join(last) or f"espeak-ng ended with status {process.returncode}")
        return audio
