"""`onema sms preview`."""

import json
from pathlib import Path

import pytest

from onema.cli.program import main

TEXT = "{OTP} là mã xác thực của bạn. Không chia sẻ mã này với bất kỳ ai, kể cả nhân viên."


def run(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = 0) -> str:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    said = capsys.readouterr()
    assert exited.value.code == exit_code, said
    return said.out + said.err


def test_a_text_alone_needs_no_installation(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts, what folding saves, the characters outside the alphabet."""
    monkeypatch.chdir(tmp_path)
    said = run(capsys, "sms", "preview", TEXT)
    assert "UCS-2" in said
    assert "segments    2 (" in said
    assert "folded      1 (saves 1): 000000 la ma xac thuc cua ban." in said
    said = run(capsys, "sms", "preview", "It’s 1234", "--sender", "AcmeCompanyX")
    assert "U+2019 RIGHT SINGLE QUOTATION MARK, at character 3" in said
    assert "at most 11 characters" in said
    assert list(tmp_path.iterdir()) == []


def test_a_price_is_the_accounts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And so is a brandname; --json has all of it."""
    data = ("--data", str(tmp_path / "data"))
    run(capsys, "tariff", "set", "default", "--rate", "sms:+84=850", *data)
    run(capsys, "account", "add", "acme", *data)
    run(capsys, "brandname", "add", "acme", "Acme", *data)
    asked = ("sms", "preview", TEXT, "--account", "acme", "--sender", "Acme", *data)
    said = run(capsys, *asked, "--prefix", "+84")
    assert "price       1700 VND (850 a segment); folded 850" in said
    assert "Acme: alphanumeric; as a brandname of the account active" in said
    told = json.loads(run(capsys, *asked, "--to", "+84901888484", "--json"))
    assert told["price"] == {"currency": "VND", "segment": "850", "total": "1700", "folded": "850"}
    assert [part["units"] for part in told["preview"]["parts"]] == [67, 16]
    assert "no sms price" in run(capsys, *asked, "--prefix", "+1", exit_code=1)


def test_what_cannot_be_priced_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A price is somebody's; and there must be such an account."""
    assert "Name an --account" in run(capsys, "sms", "preview", "x", "--to", "+84", exit_code=1)
    data = ("--data", str(tmp_path / "data"))
    run(capsys, "tariff", "set", "default", "--rate", "sms:+84=850", *data)
    run(capsys, "account", "add", "acme", *data)
    said = run(capsys, "sms", "preview", "x", "--account", "acne", *data, exit_code=1)
    assert "no account 'acne'" in said
