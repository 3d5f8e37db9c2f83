"""The file of the server keys: read as it always was, and changed whole or not at all."""

import stat
from pathlib import Path

import pytest

from onema.administration.key_file import (
    KeyFileError,
    add_server_key,
    parse_server_keys,
    read_server_keys,
    remove_server_key,
)
from onema.domain.keyring import ServerKey

FIRST, SECOND = "ab" * 32, "cd" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{FIRST}\n", [ServerKey(b"\xab" * 32)]),
        (f"{FIRST[:32]}\n {FIRST[32:]}\n", [ServerKey(b"\xab" * 32)]),
        (f"named:{SECOND}", [ServerKey(b"\xcd" * 32, named=True)]),
        (
            f"{FIRST}\nnamed:{SECOND}\n",
            [ServerKey(b"\xab" * 32), ServerKey(b"\xcd" * 32, named=True)],
        ),
        (f"{FIRST},named:{SECOND}", [ServerKey(b"\xab" * 32), ServerKey(b"\xcd" * 32, named=True)]),
    ],
)
def test_keys_stand_in_lines_or_with_commas_between(text: str, expected: list[ServerKey]) -> None:
    """A file as every version before wrote it is one key; an environment has no lines."""
    assert list(parse_server_keys(text, "it")) == expected


@pytest.mark.parametrize(
    "text", ["", "hunter2", FIRST[:-2], f"{FIRST}\nnamed:hunter2", f"{FIRST},{SECOND}", "named:"]
)
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    """Two keys without a name too: nobody could tell which of them sealed something."""
    with pytest.raises(KeyFileError) as refused:
        parse_server_keys(text, "it")
    assert "hunter2" not in str(refused.value)


def test_a_key_is_added_behind_the_others_and_taken_out_again(tmp_path: Path) -> None:
    """The file keeps its mode; the last key stays, whoever asks."""
    file = tmp_path / "server.key"
    file.write_text(f"{FIRST[:40]} {FIRST[40:]}\n")
    file.chmod(0o600)
    made = add_server_key(file)
    assert made.named
    assert read_server_keys(file) == (ServerKey(b"\xab" * 32), made)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not remove_server_key(file, 12345)
    assert remove_server_key(file, ServerKey(b"\xab" * 32).fingerprint)
    assert read_server_keys(file) == (made,)
    assert not remove_server_key(file, made.fingerprint)
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]
