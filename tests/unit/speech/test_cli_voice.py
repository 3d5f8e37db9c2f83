import contextlib
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from onema.cli import main
from onema.speech import Voices
from onema.speech.hearing.decode import hear_wav
from onema.speech.pack import save
from onema.speech.wav import from_pcmu


def answered(exit_code: int, *arguments: str) -> str:
    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        pytest.raises(SystemExit) as ended,
    ):
        main(["voice", *arguments])
    assert ended.value.code == exit_code, output.getvalue()
    return output.getvalue()


def run(*arguments: str) -> str:
    return answered(0, *arguments)


def refused(*arguments: str) -> str:
    return answered(1, *arguments)


def test_list_says_what_each_voice_is() -> None:
    """Language, engine, licence, clips and seconds of all voices."""
    rows = json.loads(run("list", "--json"))
    assert [row["voice"] for row in rows] == ["en", "vi-central", "vi-north", "vi-south", "zh"]
    assert all(row["clips"] == 37 and row["seconds"] > 10 and row["licence"] for row in rows)
    assert "vi-north" in run("list")


def test_play_writes_what_a_call_would_play(voices: Voices, tmp_path: Path) -> None:
    """The code is heard in the file, as often as asked."""
    file = tmp_path / "code.wav"
    run("play", "vi-north", "0481", "--rate", "1.4", "--times", "2", "--out", str(file))
    assert hear_wav(file.read_bytes(), voices["vi-north"], 1.4).codes == ("0481", "0481")


def test_play_says_a_sentence_of_ones_own(voices: Voices, tmp_path: Path) -> None:
    """Rendered by the helper process."""
    file = tmp_path / "code.wav"
    run("play", "vi-north", "0481", "--say", "xin chào", "--out", str(file))
    assert hear_wav(file.read_bytes(), voices["vi-north"]).code == "0481"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("play", "vi-west", "1"), "no voice 'vi-west'"),
        (("play", "en", "1 2"), "no clip"),
        (("list", "--packs", "/nowhere"), "not a folder"),
        (("build", "vi-west"), "no built-in voice"),
        (("record", "--name", "Lan"), "Name the --language"),
        (("record", "--name", "Lan", "--language", "fr"), "vi, zh or en"),
        (("record", "--name", "Lan", "--like", "vi-west"), "no voice 'vi-west'"),
        (("record", "--name", " ", "--language", "vi"), "say who reads"),
        (("record", "--name", "Lan", "--language", "vi", "--voice", "../lan"), "a voice id is"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments: tuple[str, ...], reason: str) -> None:
    """And with exit status 1."""
    assert reason in refused(*arguments)


def test_a_data_folders_own_voices_are_listed_and_played(voices: Voices, tmp_path: Path) -> None:
    """Without being told where: what a server on that folder has, the command line has."""
    save(dataclasses.replace(voices["vi-south"], id="vi-lan"), tmp_path / "voices" / "vi-lan")
    assert "vi-lan" in run("list", "--json", "--data", str(tmp_path))
    file = tmp_path / "code.wav"
    run("play", "vi-lan", "0481", "--data", str(tmp_path), "--out", str(file))
    assert hear_wav(file.read_bytes(), voices["vi-south"]).code == "0481"


def test_verify_finds_the_built_in_packs_good() -> None:
    """Checksums, levels, lengths, and each clip told from all others."""
    assert "5 voices, 185 clips: all good" in run("verify")


def test_recordings_named_by_the_list_are_imported(voices: Voices, tmp_path: Path) -> None:
    """record-list, the recordings, import, play: the way to a voice of one's own."""
    recordings, packs = tmp_path / "recordings", tmp_path / "packs"
    recordings.mkdir()
    for row in run("record-list", "en").splitlines():
        name, _ = row.split("\t")
        (recordings / name).write_bytes(from_pcmu(voices["en"].lines[name.removesuffix(".wav")].pcmu))
    where = (str(recordings), "--packs", str(packs))
    run("import", *where, "--like", "en", "--voice", "en-ann", "--speaker", "Ann")
    assert "en-ann" in run("list", "--json", "--packs", str(packs))
    run("play", "en-ann", "12", "--packs", str(packs), "--out", str(tmp_path / "code.wav"))


def test_command_line_starts_without_numpy() -> None:
    """Other commands of onema import this module too."""
    program = "import sys, onema.cli.voice; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
