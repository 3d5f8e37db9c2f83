"""The guard from the command line."""

from pathlib import Path

from onema.administration.requests import ReadDocuments
from onema.cli.session import open_session
from onema.domain.configuration import documents as doc
from onema.settings import Settings

from ...address_lists import countries, write_list
from .test_commands import Program
from .test_commands import onema as onema  # noqa: PLC0414  # the fixture


def test_one_switch_enforces(onema: Program) -> None:
    """Every rule, for everybody; before it nothing is refused."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=850")
    assert {rule["mode"] for rule in onema.json("guard", "show")["in_force"].values()} == {"record"}
    assert onema.changes("guard", "set", "--mode", "block") == [("created", "guard", "*")]
    assert {rule["mode"] for rule in onema.json("guard", "show")["in_force"].values()} == {"block"}


def test_a_rule_has_a_mode_of_its_own_until_it_is_taken_back(onema: Program) -> None:
    """The others follow the guard."""
    onema.changes("guard", "set", "--mode", "block", "--rule", "conversion=record")
    shown = onema.json("guard", "show")["in_force"]
    assert (shown["conversion"]["mode"], shown["number_range"]["mode"]) == ("record", "block")
    onema.changes("guard", "set", "--rule", "conversion=")
    assert onema.json("guard", "show")["in_force"]["conversion"]["mode"] == "block"


def test_a_guard_of_an_account_begins_as_a_copy(onema: Program) -> None:
    """Of the one that held so far; afterwards both go their own ways, and it can be removed again."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=850")
    onema.changes("account", "add", "shop")
    onema.changes("guard", "set", "--mode", "challenge", "--country", "VN")
    onema.changes("guard", "set", "shop", "--price-ceiling", "900")
    onema.changes("guard", "set", "--mode", "off")
    guards = {guard["name"]: guard for guard in onema.json("guard", "list")}
    assert (guards["shop"]["mode"], guards["shop"]["countries"]) == ("challenge", ["VN"])
    assert guards["*"]["mode"] == "off"
    assert onema.changes("guard", "remove", "shop") == [("removed", "guard", "shop")]
    assert onema.json("guard", "show", "shop")["name"] == "*"


def test_what_is_allowed_is_listed_and_taken_off_again(onema: Program) -> None:
    """Each entry once; nonsense is refused."""
    onema.changes("guard", "allow", "+84901234xxx", "203.0.113.0/24")
    onema.changes("guard", "allow", "VN", "+84901234xxx")
    assert onema.json("guard", "list")[0]["allow"] == ["+84901234xxx", "203.0.113.0/24", "VN"]
    onema.changes("guard", "allow", "--remove", "VN")
    assert onema.json("guard", "list")[0]["allow"] == ["+84901234xxx", "203.0.113.0/24"]
    code, _, err = onema.run("guard", "allow", "everybody")
    assert code == 1
    assert "is no number (+84901234567)" in err
    code, _, err = onema.run("guard", "allow", "--remove", "LA")
    assert code == 1
    assert "does not allow 'LA'" in err


def test_a_guard_is_shown_as_a_table(onema: Program) -> None:
    """Each rule with its mode and its reason."""
    onema.changes("guard", "set", "--mode", "record")
    code, out, _ = onema.run("guard", "show")
    assert code == 0
    assert "country_budget" in out
    assert "poor_conversion_history" in out
    assert onema.run("guard", "list")[1].startswith("guard")


def test_countries_of_addresses_are_loaded_from_a_file(onema: Program, tmp_path: Path) -> None:
    """doctor says of which day they are, and what is missing before; what tells no countries is refused."""
    found = {one["what"]: one["detail"] for one in onema.json("doctor")}
    assert "address_mismatch finds nothing" in found["address countries"]
    file = write_list(tmp_path / "list.mmdb", countries(VN="113.160.0.0/11"))
    loaded = onema.json("guard", "update-ip", str(file))
    assert loaded["file"] == str(onema.data / "address-countries.mmdb")
    found = {one["what"]: one["detail"] for one in onema.json("doctor")}
    assert found["address countries"] == f"the list is of {loaded['built_at']}"
    code, _, err = onema.run("guard", "update-ip", str(tmp_path / "missing.mmdb"))
    assert code == 1
    assert "cannot be read: No such file" in err


def test_an_old_list_of_addresses_is_worth_a_warning(onema: Program, tmp_path: Path) -> None:
    """As is one that cannot be read: somebody copied half of it."""
    file = write_list(tmp_path / "list.mmdb", countries(VN="113.160.0.0/11"), built_at=1_700_000_000)
    assert onema.json("guard", "update-ip", str(file))["built_at"] == "2023-11-14T22:13:20.000Z"

    def about() -> tuple[str, str]:
        (found,) = [one for one in onema.json("doctor") if one["what"] == "address countries"]
        return found["level"], found["detail"]

    assert about() == ("warn", "the list is of 2023-11-14T22:13:20.000Z")
    kept = onema.data / "address-countries.mmdb"
    kept.write_bytes(b"half a list")
    assert about() == ("warn", f"{kept} cannot be used")


def test_a_captcha_s_secret_is_kept_and_never_shown(onema: Program) -> None:
    """Also where another field is changed, a guard begins as a copy, and a file is written and taken back."""
    url = "https://captcha.example/siteverify"
    text = f"[[guards]]\nname = '*'\ncaptcha_url = '{url}'\ncaptcha_secret = 'of the captcha'\n"
    onema.json("apply", "-", stdin=text)
    onema.changes("tariff", "set", "default", "--rate", "sms:+=850")
    onema.changes("account", "add", "shop")
    onema.changes("guard", "set", "--mode", "challenge")
    onema.changes("guard", "allow", "VN")
    onema.changes("guard", "set", "shop", "--mode", "block")
    assert onema.json("guard", "show", "shop")["captcha_secret"] == "***"
    _, exported, _ = onema.run("export")
    assert "of the captcha" not in exported
    assert exported.count("captcha_secret = { stored = true }") == 2
    assert {what for what, *_ in onema.changes("apply", "-", stdin=exported)} == {"unchanged"}
    with open_session(Settings(data=onema.data)) as session:
        guards = session.answer(ReadDocuments(kind="guard", reveal=True)).documents
    assert {one.name: one.captcha_secret for one in guards if isinstance(one, doc.Guard)} == {
        "*": "of the captcha",
        "shop": "of the captcha",
    }


def test_what_was_found_is_listed(onema: Program) -> None:
    """Nothing where nothing was; an account that there is not is refused."""
    onema.changes("guard", "set", "--mode", "record")
    told = onema.json("guard", "findings", "--days", "14")
    assert told["lines"] == []
    assert told["since"].endswith("Z")
    assert onema.run("guard", "findings", "nobody")[0] == 1
    assert onema.run("guard", "findings")[1] == "(none)\n"
