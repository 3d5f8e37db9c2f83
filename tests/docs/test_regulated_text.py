"""docs/carriers/regulated-text.md says what works."""

import hashlib
import io
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from onema.channels.sms_smpp.configuration import Settings
from onema.channels.sms_smpp.tlv_rules import make_tlvs, rules_of, tlv_problems
from onema.cli import main
from onema.cli.configuration_file import parse_file
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.document_fields import read_fields
from onema.domain.values.phone import Phone

PAGE = (Path(__file__).parents[2] / "docs" / "carriers" / "regulated-text.md").read_text()
COMMANDS = re.findall(r"^\$ onema (.*)$", PAGE, re.MULTILINE)
TABLES = re.findall(r"^( *)```toml\n(.*?)^\1```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_commands_are_taken_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one empty store."""
    assert len(COMMANDS) == 12
    for command in COMMANDS:
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(SystemExit) as exited:
            main(["--data", str(tmp_path / "data"), *shlex.split(command)])
        assert not exited.value.code, command


def test_a_delivery_partner_gets_the_hash_of_the_chain(tmp_path: Path) -> None:
    """By the page's file."""
    content = parse_file(TABLES[0][1], tmp_path)
    assert not content.problems
    (carrier,) = content.documents.values()
    assert isinstance(carrier, doc.Carrier)
    facts = {**carrier.registered, "entity_id": "1101456780000012345", "dlt_id": "1107161234567890123"}
    chain = f"{facts['entity_id']},{facts['tm_chain']}"
    tlvs = make_tlvs(rules_of(settings_of(Settings, carrier)), facts, Phone("+919876543210"))
    assert tlvs[2] == (0x1402, hashlib.sha256(chain.encode()).hexdigest().encode())


def test_the_names_for_tlvs_of_receipts_are_settings() -> None:
    """As they stand there."""
    given = {**tomllib.loads(TABLES[1][1]), "addresses": ["smsc.example"], "system_id": "acme"}
    settings, problems = read_fields(Settings, given)
    assert not problems
    assert settings is not None
    assert not list(tlv_problems(settings))
    assert [one.name for one in settings.receipt_tlvs] == ["operator", "mccmnc"]
