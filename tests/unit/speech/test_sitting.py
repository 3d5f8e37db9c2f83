import shutil
import stat
from pathlib import Path

import pytest

from onema.speech import Voices, pack
from onema.speech.hearing.decode import hear_wav
from onema.speech.making.sitting import MOST_BYTES, Sitting, SittingError, voice_id_of
from onema.speech.making.take import Fault
from onema.speech.message import speak
from onema.speech.pack import CHARACTERS, LINE_IDS, SENTENCE

from .rooms import spoken, take


@pytest.fixture
def sitting(voices: Voices, tmp_path: Path) -> Sitting:
    return Sitting.begin(tmp_path / "recordings" / "vi-lan", voices["vi-north"], "Lan")


def read(sitting: Sitting, line: str, said: str = "", *, second: bool = False) -> str:
    """The reader says `said`, by default what stands there, and keeps it; answers what it was taken for."""
    clip = sitting.like.lines[said or line]
    sitting.write(line, 0, take(spoken(clip, pace=1.15 if second else 1.0, pitch=0.97 if second else 1.0)))
    judgement = sitting.judge(line, second=second)
    assert judgement.take.faults == ()
    sitting.keep(line, second=second)
    return judgement.sounds_like


@pytest.fixture(scope="module")
def all_takes(voices: Voices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is read."""
    sitting = Sitting.begin(tmp_path_factory.mktemp("read") / "vi-lan", voices["vi-north"], "Lan")
    for line in LINE_IDS:
        read(sitting, line)
    for line in sitting.second_order:
        assert read(sitting, line, second=True) == ""
    return sitting.folder


@pytest.fixture
def read_sitting(voices: Voices, all_takes: Path, tmp_path: Path) -> Sitting:
    return Sitting.open(Path(shutil.copytree(all_takes, tmp_path / "recordings" / "vi-lan")), voices)


def test_a_voice_that_was_read_is_packed_and_speaks(
    voices: Voices, read_sitting: Sitting, tmp_path: Path
) -> None:
    """All lines, twice; 50 random codes are heard; the pack loads, says who read it and what was agreed."""
    sitting = read_sitting
    assert sitting.missing() == []
    packed = sitting.pack(tmp_path / "voices", "CC0-1.0", "Lan agreed on 2026-11-28")
    assert (packed.heard, packed.codes, packed.doubts) == (50, 50, ())
    loaded = Voices.load(tmp_path / "voices")["vi-lan"]
    assert loaded == packed.voice
    assert (loaded.origin.engine_voice, loaded.origin.licence) == ("Lan", "CC0-1.0")
    assert loaded.origin.consent == "Lan agreed on 2026-11-28"
    assert loaded.title == "Vietnamese, North (Hà Nội), Lan"
    assert hear_wav(speak(loaded, "048159").wav(), loaded).code == "048159"


def test_a_pack_takes_the_place_of_an_older_one_whole(
    voices: Voices, read_sitting: Sitting, tmp_path: Path
) -> None:
    """Whoever records a line again packs again; nothing of the old pack is left beside it."""
    sitting, packs = read_sitting, tmp_path / "voices"
    pack.save(voices["en"], packs / "vi-lan")
    sitting.pack(packs, "proprietary", "yes")
    assert pack.load(packs / "vi-lan").language == "vi"
    assert [folder.name for folder in packs.iterdir()] == ["vi-lan"]
    assert not any(entry.is_dir() for entry in sitting.folder.iterdir())


def test_a_6_that_was_read_as_9_is_noticed(sitting: Sitting) -> None:
    """In the second reading, whichever of the two was wrong."""
    for line in CHARACTERS[:10]:
        read(sitting, line, "9" if line == "6" else "")
    assert read(sitting, "6", second=True) != ""
    assert read(sitting, "9", second=True) in ("", "6")
    assert read(sitting, "7", "1", second=True) == "1"
    assert read(sitting, "2", second=True) == ""


def test_letters_that_rhyme_are_not_complained_about(sitting: Sitting) -> None:
    """B, D, P and T differ by a burst of 20 ms in Vietnamese, which nobody says twice alike."""
    for line in "ABDKPTEZ":
        read(sitting, line)
    assert [read(sitting, line, second=True) for line in "ABDKPTEZ"] == [""] * 8
    assert read(sitting, "A", "Z", second=True) == "Z"


def test_a_voice_whose_digits_sound_alike_is_not_accepted(read_sitting: Sitting, tmp_path: Path) -> None:
    """The matched filter cannot tell 6 from 9 in it, so no listener can rely on it; nothing is packed."""
    sitting = read_sitting
    sitting.kept_file("6").write_bytes(sitting.kept_file("9").read_bytes())
    packed = sitting.pack(tmp_path / "voices", "proprietary", "yes")
    assert packed.heard < packed.codes
    assert packed.doubts
    assert not (tmp_path / "voices").exists()


def test_a_faulty_take_cannot_be_kept(sitting: Sitting) -> None:
    """Whatever the browser asks for; the take that was kept before stays."""
    read(sitting, "6")
    kept = sitting.kept_file("6").read_bytes()
    sitting.write("6", 0, take(spoken(sitting.like.lines["6"]), after=0))
    assert sitting.judge("6").take.faults == (Fault.CUT_OFF,)
    with pytest.raises(SittingError, match="cut off"):
        sitting.keep("6")
    assert sitting.kept_file("6").read_bytes() == kept


def test_a_line_that_is_read_anew_needs_its_second_reading_again(sitting: Sitting) -> None:
    """For the second one proved the first."""
    read(sitting, "6")
    read(sitting, "6", second=True)
    assert "6, second reading" not in sitting.missing()
    read(sitting, "6")
    assert "6, second reading" in sitting.missing()


def test_one_leaves_and_comes_back(voices: Voices, sitting: Sitting) -> None:
    """What was kept is there, who reads is known, and the order is the same."""
    read(sitting, "0")
    again = Sitting.open(sitting.folder, voices)
    assert again.has("0")
    assert not again.has("1")
    assert (again.speaker, again.like.id) == ("Lan", "vi-north")
    assert again.second_order == sitting.second_order
    begun = Sitting.begin(sitting.folder, voices["vi-north"], "Somebody else")
    assert (begun.speaker, begun.has("0")) == ("Lan", True)


def test_lines_of_another_voice_are_not_mixed_in(voices: Voices, sitting: Sitting) -> None:
    """A folder with Vietnamese takes is not gone on with in English."""
    with pytest.raises(SittingError, match="not being recorded"):
        Sitting.begin(sitting.folder, voices["en"], "Lan")


def test_takes_are_readable_to_nobody_else(sitting: Sitting) -> None:
    """A voice is personal."""
    read(sitting, "0")
    assert stat.S_IMODE(sitting.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in sitting.folder.iterdir()} == {0o600}


def test_a_take_comes_in_pieces_and_whole_or_not_at_all(sitting: Sitting) -> None:
    """A piece that does not follow the last one is refused, as is what never ends."""
    data = take(spoken(sitting.like.lines["6"]))
    for start in range(0, len(data), 48_000):
        sitting.write("6", start, data[start : start + 48_000])
    assert sitting.judge("6").take.faults == ()
    with pytest.raises(SittingError, match="whole"):
        sitting.write("6", 48_000, b"")
    with pytest.raises(SittingError, match="whole"):
        sitting.write("6", 0, bytes(MOST_BYTES + 1))
    with pytest.raises(SittingError, match="no such take"):
        sitting.judge("7")


@pytest.mark.parametrize("line", ["", "a", "10", "../0", "sentence.again", "é"])
def test_there_are_no_other_lines(sitting: Sitting, line: str) -> None:
    """A name that is no line is no file either."""
    with pytest.raises(SittingError, match="no line"):
        sitting.write(line, 0, b"")


@pytest.mark.parametrize("voice_id", ["Lan", "9lan", "vi lan", "a" * 41])
def test_a_voice_id_is_what_packs_allow(voices: Voices, tmp_path: Path, voice_id: str) -> None:
    """So it is a folder's name, too."""
    with pytest.raises(SittingError, match="voice id"):
        Sitting.begin(tmp_path / "recordings" / voice_id, voices["en"], "Ann")


def test_a_voice_is_made_of_all_lines_only(sitting: Sitting) -> None:
    """What is missing is named."""
    read(sitting, SENTENCE)
    with pytest.raises(SittingError, match=r"still to be read: 0; 1; .*Z, second reading"):
        sitting.voice("proprietary", "yes")


@pytest.mark.parametrize(
    ("language", "speaker", "voice_id"),
    [
        ("vi", "Lan", "vi-lan"),
        ("vi", "Nguyễn Thị Hồng Ánh", "vi-nguyen-thi-hong-anh"),
        ("vi", "Đặng Đình", "vi-dang-dinh"),
        ("zh", "小明", "zh-own"),
        ("en", "Ann-Marie O'Neil", "en-ann-marie-o-neil"),
        ("en", "x" * 60, "en-" + "x" * 37),
    ],
)
def test_a_voice_is_named_after_its_speaker(language: str, speaker: str, voice_id: str) -> None:
    """In the letters that ids have."""
    assert voice_id_of(language, speaker) == voice_id
    assert pack.VOICE_ID.fullmatch(voice_id)
