from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Protocol

from onema.speech.clip import Clip
from onema.speech.pack import Voice

MAX_TEXT = 300
"""Characters: about 20 seconds of speech."""


_PASSED_ON = ("PATH", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")


def environment_of_a_child(own: Mapping[str, str]) -> dict[str, str]:
    """What a child needs to find Python: ours has the server key, and a native library reads what it likes."""
    return {name: own[name] for name in _PASSED_ON if name in own}


class RenderError(ValueError):
    """The sentence could not be rendered; the text says why, for the person who saves it."""


class SentenceRenderer(Protocol):
    """Makes an application's own sentence, when it is saved and never while a call is made."""

    async def render(self, text: str, voice: Voice) -> Clip:
        """A clip that fits between the voice's own clips: same loudness, trimmed. Raises RenderError."""


class EspeakRenderer:
    """espeak-ng in a process of its own for each sentence, and its audio prepared in another (0.4 s)."""

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
        arguments = ("onema.speech.making.espeak_process", voice.espeak_voice, str(self._words_per_minute))
        audio = await self._run(sentence.encode(), *arguments)
        # Not here: resampling needs numpy, 16 MB that a server which only joins clips does without.
        return Clip(sentence, await self._run(audio, "onema.speech.making.recording"))

    async def _run(self, data: bytes, module: str, *arguments: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # The folder that the server was started in is no place for code.
            "-P",
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment_of_a_child(os.environ),
        )
        try:
            audio, complaint = await asyncio.wait_for(process.communicate(data), self._timeout)
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
