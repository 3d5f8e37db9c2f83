"""A carrier's settings on the command line and in files, with a type that has some."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.recording_type import recording_type

from .test_commands import Program

GOOD = ("--setting", "host=smsc.example.com", "--setting", "password=12345678")
FILE = """
[[carriers]]
name = "smsc"
type = "recording"
settings = { host = "smsc.example.com", password = "12345678" }
"""


@pytest.fixture
def onema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Program]:
    monkeypatch.setenv("ONEMA_LISTEN_PORT", "0")
    with recording_type():
        yield Program(tmp_path / "data", monkeypatch, capsys)


def test_settings_are_put_one_by_one(onema: Program, tmp_path: Path) -> None:
    """Dots lead into tables, lists are JSON, and a password of digits is a text; what is not named stays."""
    (tmp_path / "pem").touch()
    table = f"tls.certificate_file={tmp_path / 'pem'}"
    onema.changes("carrier", "add", "smsc", "--type", "recording", *GOOD, "--setting", table)
    headers = 'headers=[{"name":"A","value":"hidden"}]'
    onema.changes("carrier", "set", "smsc", "--setting", "port=2776", "--setting", headers)
    stdin = ("--setting-stdin", "tls.key_password")
    assert onema.changes("carrier", "set", "smsc", *stdin, stdin="hidden\n")[0][0] == "changed"
    assert onema.changes("carrier", "set", "smsc", *stdin, stdin="hidden\n")[0][0] == "unchanged"
    (shown,) = onema.json("carrier", "list")
    assert shown["settings"] == {
        "host": "smsc.example.com",
        "password": "***",
        "port": 2776,
        "headers": [{"name": "A", "value": "***"}],
        "tls": {"certificate_file": str(tmp_path / "pem"), "key_password": "***"},
    }
    onema.changes(
        "carrier", "set", "smsc", "--unset", "tls.key_password", "--unset", "headers", "--no-active"
    )
    (shown,) = onema.json("carrier", "list")
    assert (set(shown["settings"]), shown["state"]) == ({"host", "password", "port", "tls"}, "inactive")
    refused = onema.json("carrier", "set", "smsc", "--unset", "mode", exit_code=1)
    assert refused["error"] == "The setting 'mode' is not set."


def test_a_list_of_one_text_may_be_that_text(onema: Program) -> None:
    """Most carriers have one address."""
    keys = ("--setting", "keys=12345678")
    assert onema.changes("carrier", "add", "smsc", "--type", "recording", *GOOD, *keys)
    assert onema.json("carrier", "list")[0]["settings"]["keys"] == ["***"]


def test_an_option_that_is_no_setting_is_not_repeated(onema: Program) -> None:
    """It may be a password whose name was forgotten."""
    code, out, err = onema.run("carrier", "add", "smsc", "--type", "recording", "--setting", "hunter2")
    assert (code, out) == (1, "")
    assert "--setting number 1 is not NAME=VALUE" in err
    assert "hunter2" not in err


@pytest.mark.parametrize(
    ("wrong", "place", "sentence"),
    [
        ('host = "h", password = "12345678", prt = 1', "prt", "it is unknown"),
        ('host = "h", password = 12345678', "password", "it must be a text"),
        ('host = "h", password = ""', "password", "it must not be empty"),
        ('host = "not a host", password = "12345678"', "host", "'not a host' is no host"),
        (
            'host = "h", password = "12345678", tls = { certificate_file = "/missing.pem" }',
            "tls.certificate_file",
            "there is no file '/missing.pem' on this machine",
        ),
    ],
)
def test_what_would_not_run_is_refused_before_it_is_stored(
    onema: Program, wrong: str, place: str, sentence: str
) -> None:
    """By its settings, by its type, and by what only looking around finds out; a dry run says the same."""
    onema.changes("pool", "add", "there-is-a-store")
    file = f"[[tariffs]]\nname='t'\n[[carriers]]\nname='smsc'\ntype='recording'\nsettings = {{ {wrong} }}"
    for options in ((), ("--dry-run",)):
        refused = onema.json("apply", "-", *options, stdin=file, exit_code=1)
        (problem,) = refused["problems"]
        assert (problem["place"], problem["problem"]) == (f"carriers[smsc].settings.{place}", sentence)
    assert onema.json("carrier", "list") == onema.json("tariff", "list") == []
    onema.changes("apply", "-", stdin=FILE)
    fresh = onema.json("carrier", "set", "smsc", "--setting", "host=not a host", exit_code=1)
    assert "'not a host' is no host" in fresh["error"]
    assert onema.json("carrier", "list")[0]["settings"]["host"] == "smsc.example.com"


def test_a_store_that_is_not_there_yet_is_not_made_for_a_carrier_that_would_not_run(onema: Program) -> None:
    """A dry run looks around, too."""
    bad = FILE.replace("smsc.example.com", "not a host")
    refused = onema.json("apply", "-", "--dry-run", stdin=bad, exit_code=1)
    assert refused["problems"][0]["place"] == "carriers[smsc].settings.host"
    assert not onema.data.exists()


def test_each_secret_is_kept_where_the_file_says_so(onema: Program) -> None:
    """An export in another order gives no header the secret of another; a new one needs a value."""
    onema.changes(
        "apply", "-", stdin=FILE.replace("}", ', headers = [{name="A", value="a"}, {name="B", value="b"}] }')
    )
    exported = onema.json("export")["file"]
    assert exported.count("{ stored = true }") == 3
    assert {what for what, _, _ in onema.changes("apply", "-", stdin=exported)} == {"unchanged"}
    first, second = ('{ name = "A", value = { stored = true } }', '{ name = "B", value = { stored = true } }')
    turned = exported.replace(f"{first}, {second}", f"{second}, {first}")
    assert turned != exported
    onema.changes("apply", "-", stdin=turned)
    back = onema.changes(
        "apply", "-", stdin=FILE.replace("}", ', headers = [{name="B", value="b"}, {name="A", value="a"}] }')
    )
    assert back == [("unchanged", "carrier", "smsc")]
    new = exported.replace('"A"', '"C"')
    (problem,) = onema.json("apply", "-", stdin=new, exit_code=1)["problems"]
    assert problem["place"] == "carriers[smsc].settings.headers[0].value"


def test_the_types_are_described(onema: Program) -> None:
    """What a setting is for, what fits, and what holds where it is not named."""
    (settings,) = onema.json("carrier", "types", "recording").values()
    rows = {row["name"]: (row["type"], row["default"]) for row in settings}
    assert rows["port"] == ("whole number, 1 to 65535", "2775")
    assert rows["password"] == ("secret text", "needed")
    assert rows["mode"] == ("both | send", "both")
    assert rows["headers[].value"] == ("secret text", "needed")
    assert rows["tls.key_password"] == ("secret text", "")
    assert "Whom to connect to." in onema.run("carrier", "types")[1]
    assert "handset (no settings)" in onema.run("carrier", "types")[1]
    assert "There is no type 'pigeon'" in onema.json("carrier", "types", "pigeon", exit_code=1)["error"]
