import asyncio
import json
import sys
from pathlib import Path

import pytest

from onema.speech import Voices, speak
from onema.speech.hearing.decode import hear_wav
from onema.speech.making.recording import LOUDNESS
from onema.speech.making.render import MAX_TEXT, EspeakRenderer, RenderError
from onema.speech.samples import from_g711, loudness

SENTENCE = "Mã OTP của bạn tại cửa hàng là"


async def test_helper_process_renders_a_vietnamese_sentence(voices: Voices) -> None:
    """It is as loud as the clips, and a code after it is heard."""
    voice = voices["vi-north"]
    clip = await EspeakRenderer().render(SENTENCE, voice)
    assert clip.text == SENTENCE
    assert 1.0 < clip.seconds < 5.0
    assert loudness(from_g711(clip.pcmu)) == pytest.approx(LOUDNESS, rel=0.25)
    wav = speak(voice, "048159", before=clip, rate=1.2).wav()
    assert hear_wav(wav, voice, 1.2, beside=[clip]).code == "048159"


async def test_sentence_follows_the_accent_of_the_voice(voices: Voices) -> None:
    """North and South are rendered by different voices of the engine."""
    north = await EspeakRenderer().render(SENTENCE, voices["vi-north"])
    south = await EspeakRenderer().render(SENTENCE, voices["vi-south"])
    assert north.pcmu != south.pcmu


async def test_the_helper_process_is_told_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its environment is what Python needs, and it runs no code of the folder that the server started in."""
    told = tmp_path / "told"
    told.mkdir()
    (told / "environment_told.py").write_text("import json, os; print(json.dumps(dict(os.environ)))")
    monkeypatch.setenv("PYTHONPATH", str(told))
    monkeypatch.setenv("ONEMA_SERVER_KEY", "00" * 32)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment = json.loads(await EspeakRenderer()._run(b"", "environment_told"))
    assert environment["PYTHONPATH"] == str(told)
    assert "secret" not in environment.values()
    assert not [name for name in environment if name.startswith("ONEMA_")]
    monkeypatch.chdir(told)
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(RenderError, match="No module named"):
        await EspeakRenderer()._run(b"", "environment_told")


async def test_engine_stays_out_of_our_process(voices: Voices) -> None:
    """espeak-ng is GPL: its library is loaded by the helper only."""
    await EspeakRenderer().render("xin chào", voices["vi-north"])
    assert "libespeak" not in await asyncio.to_thread(Path("/proc/self/maps").read_text)
    assert "espeakng_loader" not in sys.modules


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), ("  ", "empty"), ("a" * (MAX_TEXT + 1), "at most")]
)
async def test_sentences_that_cannot_be_said_are_refused(voices: Voices, text: str, reason: str) -> None:
    """Before a process is started for them."""
    with pytest.raises(RenderError, match=reason):
        await EspeakRenderer().render(text, voices["vi-north"])


async def test_sentence_without_a_sound_is_refused(voices: Voices) -> None:
    """The helper's silence is not saved as a sentence."""
    with pytest.raises(RenderError, match="nothing"):
        await EspeakRenderer().render("…", voices["vi-north"])


async def test_slow_helper_is_ended(voices: Voices) -> None:
    """The person who saves a sentence gets an answer, and no process is left."""
    with pytest.raises(RenderError, match="longer than"):
        await EspeakRenderer(timeout=0.001).render("xin chào", voices["vi-north"])


async def test_missing_extra_is_said_plainly(voices: Voices) -> None:
    """The message names the extra and the other way: a recording."""

    class NotInstalled(EspeakRenderer):
        @staticmethod
        def is_installed() -> bool:
            return False

    with pytest.raises(RenderError, match=r"extra 'voice'.*recording"):
        await NotInstalled().render("xin chào", voices["vi-north"])
