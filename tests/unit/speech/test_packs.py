import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from onema.speech import Clip, PackError, Voices, pack
from onema.speech.hearing.verify import faults
from onema.speech.making.own_pack import from_recordings
from onema.speech.pack import CHARACTERS, SENTENCE
from onema.speech.samples import from_g711, to_pcmu
from onema.speech.voices import BUILT_IN
from onema.speech.wav import from_pcmu


def test_built_in_voices_and_defaults(voices: Voices) -> None:
    """Five voices in three languages; who asks for Vietnamese gets the North."""
    assert list(voices) == ["en", "vi-central", "vi-north", "vi-south", "zh"]
    assert [voices.for_language(name).id for name in ("vi", "zh", "en")] == ["vi-north", "zh", "en"]
    with pytest.raises(KeyError):
        voices.for_language("xx")


@pytest.mark.parametrize("voice_id", ["en", "vi-central", "vi-north", "vi-south", "zh"])
def test_built_in_pack_is_complete_and_sound(voices: Voices, voice_id: str) -> None:
    """All lines and an origin; lengths and levels in bounds; each clip told from all others."""
    voice = voices[voice_id]
    assert "".join(voice.characters) == CHARACTERS
    assert voice.sentence.text
    assert voice.origin.licence
    assert voice.origin.engine_version
    assert faults(voice) == []


def test_what_is_wrong_with_a_pack_is_named_by_line(voices: Voices) -> None:
    """A clip that is too quiet, too loud, too long, or no other than another one."""
    good = voices["vi-north"]

    def with_clip(line: str, clip: Clip) -> list[str]:
        return faults(dataclasses.replace(good, characters={**good.characters, line: clip}))

    def louder(line: str, times: float) -> Clip:
        return Clip("", to_pcmu(from_g711(good.characters[line].pcmu) * np.float32(times)))

    assert with_clip("6", louder("6", 0.3)) == ["line 6: -10.4 dB from the common loudness"]
    assert any("peak is too high" in fault for fault in with_clip("6", louder("6", 4)))
    assert any(
        "line 6: " in fault and " s is not between" in fault for fault in with_clip("6", good.sentence)
    )
    assert any("are heard as" in fault for fault in with_clip("6", good.characters["9"]))


def test_packs_are_small() -> None:
    """About 1 MB in all; `./dev bench speech` says how fast they load."""
    size = sum(path.stat().st_size for path in BUILT_IN.rglob("*") if path.is_file())
    assert size < 1_200_000


def test_saved_pack_loads_as_the_same_voice(voices: Voices, tmp_path: Path) -> None:
    """Writing and reading lose nothing."""
    pack.save(voices["zh"], tmp_path)
    assert pack.load(tmp_path) == voices["zh"]


def test_changed_audio_is_refused(tmp_path: Path) -> None:
    """A flipped byte no longer fits the manifest's sha256."""
    shutil.copytree(BUILT_IN / "en", tmp_path / "en")
    clips = tmp_path / "en" / pack.CLIPS
    data = bytearray(clips.read_bytes())
    data[1000] ^= 1
    clips.write_bytes(data)
    with pytest.raises(PackError, match="not the audio"):
        Voices.load(tmp_path)


@pytest.mark.parametrize(
    "manifest", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "lines": {"0": {"offset": "x"}}}']
)
def test_broken_manifest_is_refused_by_name(tmp_path: Path, manifest: str) -> None:
    """The error names the folder, whatever is wrong in it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / pack.CLIPS).write_bytes(b"")
    (folder / pack.MANIFEST).write_text(manifest)
    with pytest.raises(PackError, match="mine"):
        Voices.load(tmp_path)


def test_pack_without_a_line_is_refused(tmp_path: Path) -> None:
    """A voice that cannot say Q is found at start and not in a call."""
    shutil.copytree(BUILT_IN / "en", tmp_path / "en")
    path = tmp_path / "en" / pack.MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["lines"]["Q"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(PackError, match="Q"):
        Voices.load(tmp_path)


def test_own_recordings_become_a_voice_beside_the_built_in_ones(voices: Voices, tmp_path: Path) -> None:
    """Files named by line; the pack is loaded from a second folder."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for line, clip in voices["vi-south"].lines.items():
        (recordings / f"{line}.wav").write_bytes(from_pcmu(clip.pcmu))
    made = from_recordings(recordings, voices["vi-south"], "vi-lan", "Lan", "CC-BY-4.0")
    pack.save(made, tmp_path / "packs" / made.id)
    loaded = Voices.load(tmp_path / "packs")
    assert loaded["vi-lan"] == made
    assert faults(made) == []
    assert len(loaded) == len(voices) + 1


def test_pack_with_a_built_in_id_takes_its_place(voices: Voices, tmp_path: Path) -> None:
    """An operator who records the North is heard wherever the North is asked for."""
    own = pack.Voice(**{**voices["vi-south"].__dict__, "id": "vi-north"})
    pack.save(own, tmp_path / "north")
    assert Voices.load(tmp_path).for_language("vi").sentence == voices["vi-south"].sentence


def test_missing_and_unusable_recordings_are_all_named(voices: Voices, tmp_path: Path) -> None:
    """The speaker goes back to the microphone once."""
    for line, clip in voices["en"].lines.items():
        (tmp_path / f"{line}.wav").write_bytes(from_pcmu(clip.pcmu))
    (tmp_path / "7.wav").unlink()
    (tmp_path / f"{SENTENCE}.wav").write_bytes(b"no audio")
    with pytest.raises(PackError, match=r"7\.wav is missing.*sentence\.wav: this is not a WAV file"):
        from_recordings(tmp_path, voices["en"], "mine", "me", "CC0-1.0")


def test_voices_are_known_by_name_without_being_loaded(voices: Voices, tmp_path: Path) -> None:
    """The built-in ones and those of a folder; a pack that cannot be read has no name, and ends nothing."""
    pack.save(dataclasses.replace(voices["zh"], id="zh-lan"), tmp_path / "own")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / pack.MANIFEST).write_text("[]")
    assert Voices.ids(tmp_path) == (*voices, "zh-lan")
    assert Voices.ids(tmp_path / "nowhere") == tuple(voices)
