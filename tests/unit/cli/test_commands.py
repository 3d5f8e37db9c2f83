"""The commands, run in this process on a store of their own."""

import errno
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest

from onema.cli import main
from onema.cli.serving import why_not
from onema.settings import Listen, Settings
from onema.testing.running_server import free_port


class Program:
    """`onema` on one data folder."""

    def __init__(
        self, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.data = data
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        if arguments[0] == "doctor":
            # It asks whoever listens there; on the port that is the default that may be anybody.
            self._monkeypatch.setenv("ONEMA_LISTEN_PORT", str(free_port()))
        with pytest.raises(SystemExit) as exited:
            main(["--data", str(self.data), *arguments])
        assert isinstance(exited.value.code, int)
        return exited.value.code, *self._capsys.readouterr()

    def json(self, *arguments: str, stdin: str = "", exit_code: int = 0) -> Any:
        code, out, err = self.run(*arguments, "--json", stdin=stdin)
        assert code == exit_code, out + err
        return json.loads(out)

    def changes(self, *arguments: str, stdin: str = "") -> list[tuple[str, str, str]]:
        answer = self.json(*arguments, stdin=stdin)
        return [(change["what"], change["kind"], change["name"]) for change in answer["changes"]]


@pytest.fixture
def onema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    # Whoever tries the product beside the tests has the usual port.
    monkeypatch.setenv("ONEMA_LISTEN_PORT", "0")
    return Program(tmp_path / "data", monkeypatch, capsys)


# RFC 7518 section 3.2: an HS256 key has at least 256 bits. PyJWT warns of fewer, jwcrypto 1.6.1 refuses them.
def test_a_secret_that_is_made_is_long_enough_to_sign_tokens(onema: Program) -> None:
    """Whatever library an integrator signs with; here a warning would be an error."""
    onema.changes("tariff", "set", "default", "--rate", "call:+84=600/60")
    onema.changes("account", "add", "acme")
    onema.changes("application", "add", "acme", "otp")
    made = onema.json("credential", "add", "acme", "vbee", "--application", "otp")
    assert jwt.encode({"apiKey": made["key"], "otpCode": "686868"}, made["secret"], "HS256")


def test_an_account_is_managed_from_the_command_line(onema: Program) -> None:
    """From its first price to its removal."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850", "--rate", "call:+84=600/60")
    assert onema.changes("account", "add", "acme") == [("created", "account", "acme")]
    assert onema.json("account", "add", "acme", exit_code=1)["refusal"] == "duplicate"
    made = onema.json("credential", "add", "acme", "esms")
    assert re.fullmatch(r"[0-9A-F]{30}", made["key"])
    assert re.fullmatch(r"[0-9A-F]{32}", made["secret"])
    assert made["secret"] not in onema.run("credential", "list")[1]
    assert onema.changes("brandname", "add", "acme", "Shop") == [("created", "brandname", "acme/Shop")]
    onema.changes("template", "add", "acme", "Shop", "{OTP} is your code")
    onema.changes("account", "set", "acme", "--windows", "phone:600=2", "--countries", "VN,LA")
    shown = onema.json("account", "show", "acme")
    assert shown["windows"] == [{"per": "phone", "seconds": 600, "limit": 2}]
    assert shown["countries"] == ["VN", "LA"]
    assert [template["text"] for template in shown["templates"]] == ["{OTP} is your code"]
    assert [change[1] for change in onema.changes("account", "remove", "acme")] == [
        "brandname",
        "credential",
        "template",
        "account",
    ]
    assert onema.json("account", "list") == []


def test_money_is_booked_once_per_reference(onema: Program) -> None:
    """Repeating a top-up books nothing; another amount under its reference is refused."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    top_up = ("wallet", "top-up", "acme", "850.5", "--reference", "r1")
    assert [onema.json(*top_up)["booked"] for _ in range(2)] == [True, False]
    other = onema.json("wallet", "top-up", "acme", "1", "--reference", "r1", exit_code=1)
    assert other["refusal"] == "conflict"
    onema.changes("wallet", "terms", "acme", "--postpaid", "--credit-limit", "100")
    wallet = onema.json("wallet", "show", "acme")
    assert (wallet["balance"], wallet["lowest"], wallet["available"]) == ("850.5", "-100", "950.5")
    assert [entry["note"] for entry in onema.json("wallet", "ledger", "acme")] == ["r1"]


def test_a_user_gets_a_hash_and_the_password_is_nowhere(onema: Program) -> None:
    """Not in the answer, and not in the store."""
    _, out, _ = onema.run("user", "add", "ann", "--password-stdin", stdin="correct horse\n")
    assert out == "created    user ann\n"
    assert b"correct horse" not in (onema.data / "onema.db").read_bytes()
    (ann,) = onema.json("user", "list")
    assert (ann["name"], ann["password_hash"], ann["state"]) == ("ann", "***", "active")


def test_a_command_line_that_is_not_understood_ends_with_2(onema: Program) -> None:
    """And with --json the complaint is a JSON document too."""
    code, _, complaint = onema.run("acount", "list")
    assert code == 2
    assert "Did you mean 'account'?" in complaint
    assert "error" in onema.json("account", "add", exit_code=2)


def test_a_misspelt_key_of_a_file_changes_nothing(onema: Program) -> None:
    """All or nothing: the tariff before it is not created either."""
    text = "[[tariffs]]\nname='default'\n[[accounts]]\nname='acme'\ntarif='default'"
    refused = onema.json("apply", "-", stdin=text, exit_code=1)
    assert "accounts[acme].tarif: It is unknown. Did you mean 'tariff'?" in refused["error"]
    assert not onema.data.exists()


def test_the_settings_are_listed_without_their_secrets(onema: Program) -> None:
    """With the variable that sets each."""
    rows = {row["name"]: row for row in onema.json("settings")}
    assert rows["data"]["value"] == str(onema.data)
    assert rows["listen.port"]["variable"] == "ONEMA_LISTEN_PORT"


def test_applications_are_managed_and_remember_what_is_not_named(onema: Program) -> None:
    """`set` changes only what its options name."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    onema.changes("application", "add", "acme", "shop", "--sandbox", "--appid", "12")
    onema.changes("application", "set", "acme", "shop", "--no-voice-code", "--allowed-ips", "10.0.0.0/8")
    (shown,) = onema.json("application", "list", "acme")
    assert (shown["environment"], shown["appid"], shown["voice_code"]) == ("sandbox", "12", False)
    assert shown["allowed_ips"] == ["10.0.0.0/8"]
    rule = ("--recall-after", "busy, no_answer", "--recall-times", "3", "--recall-delay", "90")
    onema.changes("application", "set", "acme", "shop", *rule)
    (shown,) = onema.json("application", "list", "acme")
    assert (shown["recall_after"], shown["recall_times"], shown["recall_delay"]) == (
        ["busy", "no_answer"],
        3,
        90,
    )
    onema.changes("application", "set", "acme", "shop", "--recall-after", "")
    onema.changes("application", "set", "acme", "shop", "--no-active", "--production")
    (shown,) = onema.json("application", "list")
    assert (shown["state"], shown["environment"]) == ("inactive", "production")
    assert onema.changes("application", "remove", "acme", "shop")[0][0] == "removed"


def test_pools_go_with_their_hotlines(onema: Program) -> None:
    """A removed pool leaves no number behind."""
    onema.changes("pool", "add", "hanoi")
    onema.changes("hotline", "add", "hanoi", "+842471000001", "--daily-cap", "10")
    onema.changes("hotline", "set", "hanoi", "+842471000001", "--no-active")
    (hotline,) = onema.json("hotline", "list", "hanoi")
    assert (hotline["state"], hotline["daily_cap"]) == ("inactive", 10)
    assert onema.changes("pool", "set", "hanoi", "--no-active") == [("changed", "hotline_pool", "hanoi")]
    assert [what for what, _, _ in onema.changes("pool", "remove", "hanoi")] == ["removed", "removed"]
    assert onema.json("hotline", "list") == onema.json("pool", "list") == []


def test_carriers_and_routes_are_managed(onema: Program) -> None:
    """A carrier that a route names cannot go."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    onema.changes("route", "add", "sms", "phone", "--prefix", "+84")
    onema.changes("route", "set", "sms", "phone", "--priority", "7", "--prefix", "+84")
    assert onema.json("route", "list")[0]["priority"] == 7
    refused = onema.json("carrier", "remove", "phone", exit_code=1)
    assert refused["refusal"] == "conflict"
    assert "It names the carrier 'phone', which would be removed." in refused["error"]
    onema.changes("route", "remove", "sms", "phone", "--prefix", "+84")
    onema.changes("carrier", "set", "phone", "--no-active")
    assert onema.changes("carrier", "remove", "phone") == [("removed", "carrier", "phone")]


def test_a_carrier_is_added_by_its_type_and_its_name(onema: Program) -> None:
    """Or by its name and --type; by only one of them it is not known which it is."""
    assert onema.changes("carrier", "add", "handset", "phone") == [("created", "carrier", "phone")]
    (added,) = onema.json("carrier", "list")
    assert (added["name"], added["type"]) == ("phone", "handset")
    for command in (("handset",), ("handset", "phone", "--type", "handset")):
        assert "Name its type and its name" in onema.json("carrier", "add", *command, exit_code=1)["error"]


def test_a_try_of_a_carrier_that_is_not_ready_says_why(onema: Program) -> None:
    """Nothing of it is in the message's story, since no attempt began."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    onema.changes("account", "add", "shop")
    onema.changes("brandname", "add", "shop", "Shop")
    code, out, _ = onema.run("carrier", "test", "phone", "+84901888484", "--seconds", "1")
    assert code == 1
    assert "Nothing was sent: phone is not ready (no server that delivers runs it)." in out


def test_routes_share_by_weight(onema: Program) -> None:
    """Which can be changed by itself; a share of less than nothing is none."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    onema.changes("route", "add", "sms", "phone", "--prefix", "+84", "--priority", "1", "--weight", "80")
    onema.changes("route", "set", "sms", "phone", "--prefix", "+84", "--weight", "20")
    (route,) = onema.json("route", "list")
    assert (route["prefix"], route["priority"], route["weight"]) == ("+84", 1, 20)
    refused = onema.json("route", "set", "sms", "phone", "--prefix", "+84", "--weight", "-1", exit_code=1)
    assert "Weight must not be negative" in refused["error"]
    assert "Nothing to change" in onema.json("route", "set", "sms", "phone", exit_code=1)["error"]


def test_routes_may_go_by_result(onema: Program) -> None:
    """Off unless somebody says so; with what a message costs that way."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    onema.changes("route", "add", "sms", "phone")
    (route,) = onema.json("route", "list")
    assert (route["by_result"], route["cost_per_mille"]) == (False, 0)
    onema.changes("route", "set", "sms", "phone", "--by-result", "--cost", "40")
    (route,) = onema.json("route", "list")
    assert (route["by_result"], route["cost_per_mille"]) == (True, 40)
    assert "0 to 1,000" in onema.json("route", "set", "sms", "phone", "--cost", "1001", exit_code=1)["error"]
    onema.changes("route", "set", "sms", "phone", "--by-weight")
    assert onema.json("route", "list")[0]["by_result"] is False


def test_a_code_may_be_sent_again_where_route_and_account_say_so(onema: Program) -> None:
    """The route after how long, the account how often; nobody is called twice."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    onema.changes("route", "add", "sms", "phone", "--resend-after", "20")
    onema.changes("route", "set", "sms", "phone", "--resend-without", "check")
    (route,) = onema.json("route", "list")
    assert (route["resend_after"], route["resend_without"]) == (20, "check")
    onema.changes("wallet", "terms", "acme", "--resends", "1")
    assert onema.json("account", "show", "acme")["resends"] == 1
    for command in (
        ("route", "set", "sms", "phone", "--resend-after", "901"),
        ("route", "add", "call", "phone", "--resend-after", "20"),
        ("route", "set", "sms", "phone", "--resend-without", "luck"),
        ("wallet", "terms", "acme", "--resends", "4"),
    ):
        assert onema.json(*command, exit_code=1)["refusal"] == "conflict", command


def test_a_carrier_drains_until_it_is_made_active(onema: Program) -> None:
    """Its document and its status say so; what is not active has nothing to drain."""
    onema.changes("carrier", "add", "phone", "--type", "handset")
    assert onema.changes("carrier", "drain", "phone", "--wait", "1") == [("changed", "carrier", "phone")]
    assert onema.json("carrier", "list")[0]["draining"] is True
    (shown,) = onema.json("carrier", "status", "phone")
    assert (shown["state"], shown["runs_in"]) == ("draining", 0)
    onema.changes("carrier", "set", "phone", "--active")
    assert onema.json("carrier", "list")[0]["draining"] is False
    onema.changes("carrier", "set", "phone", "--no-active")
    assert "is not active" in onema.json("carrier", "drain", "phone", exit_code=1)["error"]


def test_a_carriers_total_is_set_and_shown(onema: Program) -> None:
    """Nobody holds capacity while no server runs; a handset keeps no pace."""
    onema.changes("carrier", "add", "phone", "--type", "handset", "--capacity", "2")
    onema.changes("carrier", "set", "phone", "--capacity", "3")
    (shown,) = onema.json("carrier", "list")
    assert (shown["capacity"], shown["per_second"]) == (3, 0)
    assert onema.json("carrier", "capacity") == []
    assert onema.run("carrier", "capacity", "phone")[1] == "(none)\n"
    refused = onema.json("carrier", "set", "phone", "--per-second", "10", exit_code=1)
    assert "a handset keeps no pace" in refused["error"]
    onema.changes("carrier", "set", "phone", "--capacity", "0")
    file = "[[carriers]]\nname='phone'\ntype='handset'\ncapacity=30"
    assert onema.changes("apply", "-", stdin=file) == [("changed", "carrier", "phone")]
    assert onema.json("carrier", "list")[0]["capacity"] == 30
    refused = onema.json("apply", "-", stdin=f"{file}\nper_second='fast'", exit_code=1)
    assert "carriers[phone].per_second" in refused["error"]


def test_a_revoked_key_makes_room_for_a_new_one(onema: Program) -> None:
    """Two may live at a time."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    keys = [onema.json("credential", "add", "acme", "esms")["key"] for _ in range(2)]
    assert "2 may live" in onema.json("credential", "add", "acme", "esms", exit_code=1)["error"]
    onema.changes("credential", "revoke", "esms", keys[0])
    onema.changes(
        "credential",
        "add",
        "acme",
        "esms",
        "--key",
        "TAKEN-OVER",
        "--secret-stdin",
        stdin="taken-over-secret\n",
    )
    states = {one["key"]: one["state"] for one in onema.json("credential", "list", "acme")}
    assert states == {keys[0]: "inactive", keys[1]: "active", "TAKEN-OVER": "active"}
    assert onema.changes("credential", "revoke", "esms", keys[0], "--remove")[0][0] == "removed"


def test_brandnames_expire_and_can_be_switched_off(onema: Program) -> None:
    """A time that is none is refused by the configuration itself."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    onema.changes("brandname", "add", "acme", "Shop", "--expires", "2040-01-01")
    refused = onema.json("brandname", "set", "acme", "Shop", "--expires", "soon", exit_code=1)
    assert "accounts[acme].brandnames[Shop].expires_at: 'soon' is not a time" in refused["error"]
    onema.changes("brandname", "set", "acme", "Shop", "--no-active", "--expires", "")
    assert onema.json("brandname", "list")[0] == {
        "account": "acme",
        "name": "Shop",
        "state": "inactive",
        "expires_at": "",
        "registered": {},
        "registrations": [],
        "sign_at": "start",
        "sign_to": ["+86"],
        "approval": "approved",
        "refused_because": "",
    }


def test_a_text_is_tried_on_the_templates(onema: Program) -> None:
    """As it would be sent; or where it first differs from the nearest one, with exit code 1."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    onema.changes("account", "add", "acme")
    onema.changes("brandname", "add", "acme", "Shop")
    nearest = "{OTP} là mã xác minh của bạn"
    for text in ("Xin chao {P2,20}", nearest, "Ma giam gia: {P1,10}"):
        onema.changes("template", "add", "acme", "Shop", text)
    fitting = onema.json("template", "test", "acme", "Shop", "{OTP} là\u00a0mã  xác minh của bạn\r\n")
    assert fitting["fits"] == {"template": nearest, "text": "{OTP} la ma xac minh cua ban", "segments": 1}
    refused = onema.json("template", "test", "acme", "Shop", "{OTP} là mã của bạn", exit_code=1)
    assert refused["fits"] is None
    assert refused["refused_text"]["nearest"] == {
        "template": nearest,
        "place": 13,
        "expected": "xác minh của bạn",
        "found": "của bạn",
    }
    code, out, _ = onema.run("template", "test", "acme", "Shop", "{OTP} là mã của bạn")
    assert code == 1
    assert 'at character 13: the template goes on with "xác minh của bạn", the text with "của bạn"' in out
    without = onema.json("template", "test", "acme", "Shop", "123456 la ma", exit_code=1)
    assert without == {
        "error": "The text has no {OTP}, so no template fits it.",
        "refusal": "template_mismatch",
    }


def test_an_unknown_message_is_said_to_be_unknown(onema: Program) -> None:
    """And what is no id is said to be none."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    assert "no message" in onema.json("message", "show", "3559431677195321344", exit_code=1)["error"]
    assert "not a message's id" in onema.json("message", "show", "hello", exit_code=1)["error"]
    assert onema.json("message", "list") == []


def test_people_get_tables(onema: Program) -> None:
    """Columns line up, and nothing is cut where the output goes into a file."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    assert onema.run("tariff", "list")[1] == (
        "tariff   channel  prefix  price  per\ndefault  sms      +84     850    segment\n"
    )
    assert onema.run("account", "list")[1] == "(none)\n"


@pytest.mark.parametrize(
    "command",
    [
        "account list",
        "account show acme",
        "account suspend acme",
        "account remove acme",
        "account set acme --country VN",
        "credential revoke esms KEY",
        "account add acme",
        "template add acme Shop {OTP}",
        "wallet show acme",
        "wallet top-up acme 5",
        "message list",
        "message show 3559431677195321344",
        "carrier capacity",
        "backup",
        "doctor",
        "settings",
    ],
)
def test_what_only_reads_or_changes_makes_no_store(onema: Program, command: str) -> None:
    """Somebody who mistyped --data finds out, and no store or server key of his mistake lies around."""
    code, out, err = onema.run(*command.split())
    assert not onema.data.exists()
    assert code == (0 if command in ("doctor", "settings") else 1)
    assert code == 0 or str(onema.data) in out + err


def test_what_makes_a_store_is_told_to_who_finds_none(onema: Program) -> None:
    """In the sentence, so that a new user knows how to go on."""
    assert "`onema serve`, `onema apply`" in onema.json("account", "list", exit_code=1)["error"]
    assert onema.changes("tariff", "set", "default", "--rate", "sms:+=1")[0][0] == "created"
    assert onema.json("account", "list") == []


BROKEN = """
[[carriers]]
name = "gw"
type = "handset"
capacity = 1
per_second = 5
[[carriers]]
name = "other"
type = "hanset"
[[accounts]]
name = "shop"
tariff = "defualt"
wallet = "pre-paid"
floor = nan
allowed_ips = ["10.0.0.300"]
credentials = [{ dialect = "vbee", key = "K", secret = "12345678" }, { dialect = "esmz", key = "K2", secret = "abc" }]
applications = [{ name = "otp", pool = "hanoy" }]
brandnames = [{ name = "Shop", expires_at = "31/12/2026", templates = ["Ma {name}"] }]
top_ups = [{ reference = "first", amount = "1" }]
[[tariffs]]
name = "default"
"""


def test_all_that_is_wrong_with_a_file_is_told_before_anything_is_stored(onema: Program) -> None:
    """By whoever knows it: the reader of the file, the rules, the dialects and the types of carriers."""
    refused = onema.json("apply", "-", stdin=BROKEN, exit_code=1)
    assert [problem["place"] for problem in refused["problems"]] == [
        "accounts[shop].allowed_ips[0]",
        "accounts[shop].applications[otp].pool",
        "accounts[shop].brandnames[Shop].expires_at",
        "accounts[shop].brandnames[Shop].templates[Ma {name}]",
        "accounts[shop].credentials[esmz/K2].dialect",
        "accounts[shop].credentials[esmz/K2].secret",
        "accounts[shop].credentials[vbee/K].application",
        "accounts[shop].floor",
        "accounts[shop].tariff",
        "accounts[shop].wallet",
        "carriers[gw].per_second",
        "carriers[other].type",
    ]
    assert not onema.data.exists()
    onema.changes("carrier", "add", "phone", "--type", "handset")
    again = onema.json("apply", "-", stdin=BROKEN, exit_code=1)
    assert again == refused
    assert [one["name"] for one in onema.json("carrier", "list")] == ["phone"]
    assert onema.json("account", "list") == []
    code, out, err = onema.run("apply", "-", stdin=BROKEN)
    assert (code, out) == (1, "")
    assert "-: 12 problems, and nothing was changed:" in err
    assert (
        "\n  accounts[shop].wallet\n"
        "      There is no wallet 'pre-paid'. Did you mean 'prepaid'? There are: prepaid, postpaid.\n"
    ) in err


def test_commands_keep_the_same_rules(onema: Program) -> None:
    """And tell the choices."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    for arguments, told in (
        (("route", "add", "fax", "handset"), "There are: sms, call."),
        (("account", "add", "x", "--wallet", "pre-paid"), "Did you mean 'prepaid'?"),
        (("account", "set", "acme", "--capture-on", "sent"), "There are: submitted, delivered."),
        (("account", "set", "acme", "--windows", "phon:60=1"), "There are: phone, account, client_ip."),
        (("account", "set", "acme", "--callback-url", "shop.vn/cb"), "begin with http:// or https://"),
        (("account", "set", "acme", "--tariff", "defualt"), "Did you mean 'default'?"),
        (("credential", "add", "acme", "vbee"), "name which"),
        (("carrier", "add", "c", "--type", "hanset"), "Did you mean 'handset'? There are: handset, "),
        (("wallet", "terms", "acme", "--floor", "NaN"), "Not an amount"),
    ):
        assert told in onema.json(*arguments, exit_code=1)["error"]
    assert "wallet" in onema.json("account", "show", "acme")


def test_a_file_with_a_byte_order_mark_is_read(onema: Program) -> None:
    """As editors of Windows save it."""
    assert onema.changes("apply", "-", stdin="\ufeff[[tariffs]]\nname='default'") == [
        ("created", "tariff", "default")
    ]


DOUBTFUL = """
[[tariffs]]
name = "default"
rates = [{ channel = "sms", prefix = "+84", price = "850" }]
[[carriers]]
name = "phone"
type = "handset"
[[routes]]
channel = "sms"
carrier = "phone"
prefix = "+84"
[[accounts]]
name = "shop"
windows = []
credit_limit = "5"
countries = ["VN", "LA"]
credentials = [{ dialect = "vbee", key = "V", secret = "12345678", application = "otp" }]
applications = [{ name = "otp", voice = "vi-nort" }]
brandnames = [{ name = "Shop", templates = ["Xin chao"] }]
top_ups = [{ reference = "first", amount = 5 }]
"""


def test_what_may_be_meant_is_a_warning_of_apply_and_of_the_doctor(onema: Program) -> None:
    """Both say the same; what was applied is applied."""
    applied = onema.json("apply", "-", stdin=DOUBTFUL)
    assert {change["what"] for change in applied["changes"]} == {"created"}
    warned = [(warning["place"], warning["problem"]) for warning in applied["warnings"]]
    assert [place for place, _ in warned] == [
        "accounts[shop]",
        "accounts[shop]",
        "accounts[shop].applications[otp].pool",
        "accounts[shop].applications[otp].sentence",
        "accounts[shop].applications[otp].voice",
        "accounts[shop].brandnames[Shop].templates[Xin chao]",
        "accounts[shop].credentials[vbee/V].secret",
        "accounts[shop].credit_limit",
        "accounts[shop].tariff",
        "accounts[shop].tariff",
        "accounts[shop].windows",
    ]
    found = {one["what"]: one["level"] for one in onema.json("doctor")}
    assert {found[place] for place, _ in warned} == {"warn"}
    code, out, err = onema.run("apply", "-", stdin=DOUBTFUL)
    assert (code, out.count("unchanged")) == (0, 9)
    assert "-: 11 warnings:" in err
    assert "no price for calls" in err
    assert "Did you mean 'vi-north'?" in err


def test_an_empty_file_is_a_warning(onema: Program) -> None:
    """Something that should have written it did not."""
    assert onema.json("apply", "-", stdin="# nothing")["warnings"][0]["problem"].startswith(
        "it names nothing"
    )


def test_a_dry_run_says_what_would_change_and_changes_nothing(onema: Program) -> None:
    """In a new folder, which is not made, and in an old one; also of top-ups."""
    would = onema.json("apply", "-", "--dry-run", stdin=DOUBTFUL)
    assert (would["dry_run"], {change["what"] for change in would["changes"]}) == (True, {"created"})
    assert not onema.data.exists()
    applied = onema.json("apply", "-", stdin=DOUBTFUL)
    assert applied["changes"] == would["changes"]
    changed = DOUBTFUL.replace("Xin chao", "Ma {OTP}").replace('reference = "first"', 'reference = "second"')
    would = onema.json("apply", "-", "--dry-run", "--prune", stdin=changed)
    assert [
        (change["what"], change["kind"]) for change in would["changes"] if change["what"] != "unchanged"
    ] == [
        ("removed", "template"),
        ("created", "template"),
        ("created", "top_up"),
    ]
    assert [one["text"] for one in onema.json("template", "list")] == ["Xin chao"]
    assert onema.json("wallet", "show", "shop")["balance"] == "5"
    refused = onema.json("apply", "-", "--dry-run", stdin=changed.replace("+84", "84"), exit_code=1)
    assert len(refused["problems"]) == 2


def test_settings_that_were_changed_are_shown_alone(onema: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks for what is special here need not read forty defaults."""
    monkeypatch.setenv("ONEMA_LISTEN_PORT", "9000")
    rows = onema.json("settings", "--changed")
    assert [(row["name"], row["value"]) for row in rows] == [
        ("data", str(onema.data)),
        ("listen.port", "9000"),
    ]
    assert all(row["changed"] for row in rows)


def test_settings_fit_the_terminal(onema: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, cut at its edge; in a pipe nothing is cut."""
    monkeypatch.delenv("ONEMA_LISTEN_PORT")
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, onema.run("settings")[1].splitlines())) > 80
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = onema.run("settings")[1].splitlines()
    assert max(map(len, shown)) <= 80
    assert any(line.startswith("  listen.port ") for line in shown)


def test_what_is_exported_can_be_applied_and_changes_nothing(onema: Program) -> None:
    """Also the file that people get; and nothing of a secret is in it."""
    onema.changes("apply", "-", stdin=DOUBTFUL)
    exported = onema.run("export")[1]
    assert onema.json("export")["file"] in exported
    assert "12345678" not in exported
    changes = onema.changes("apply", "-", "--prune", stdin=exported)
    assert {what for what, _, _ in changes} == {"unchanged"}
    assert onema.json("credential", "list")[0]["key"] == "V"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--phone", "12"), "'12' is not a phone number"),
        (("--state", "foo"), "there are: accepted, refused, sent"),
        (("--since", "yesterday"), "90m, 36h, 7d"),
        (("nobody",), "There is no account 'nobody'"),
    ],
)
def test_what_nobody_can_look_for_is_refused(
    onema: Program, arguments: tuple[str, ...], sentence: str
) -> None:
    """An empty list would say that there is no such message."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    assert sentence in onema.json("message", "list", *arguments, exit_code=1)["error"]


def test_a_refused_command_leads_on_to_the_right_one(onema: Program) -> None:
    """Whoever guessed an option or an id that there is not learns where it is."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    refused = onema.json("wallet", "top-up", "acme", "-50", exit_code=2)
    assert refused["error"].startswith("No such option: -50. ")
    assert "stands behind `--`: `-- -50`" in refused["error"]
    for option, value, sentence in (
        ("--wallet", "postpaid", "onema wallet terms acme"),
        ("--currency", "USD", "keeps its currency"),
    ):
        assert sentence in onema.json("account", "set", "acme", option, value, exit_code=1)["error"]
    for unknown in ("90f6f556-4ece-4ce1-92a2-7632ad6e17d8", "order-17"):
        refused = onema.json("message", "show", unknown, exit_code=1)
        assert f"onema message list --reference {unknown}" in refused["error"]
    assert "(default)" in onema.run("account", "add", "-h")[1]
    assert "(default)" not in onema.run("account", "set", "-h")[1]


def test_counting_anew_is_asked_for_by_its_documented_name(onema: Program) -> None:
    """`reset` is the only command of its group, and no account's name."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+=1")
    onema.changes("account", "add", "acme")
    assert onema.json("window", "reset", "acme") == []
    assert onema.json("window", "reset", "nobody", exit_code=1)["error"] == "There is no account 'nobody'."


def test_a_list_of_commands_has_whole_sentences(onema: Program) -> None:
    """On a terminal of 80 columns, too."""
    _, told, _ = onema.run("account", "-h")
    assert "Remove an account that never sent anything, with all that is configured for it." in " ".join(
        told.split()
    )
    assert "..." not in told.partition("Commands:")[2]


def test_a_folder_of_other_things_is_told_apart(onema: Program) -> None:
    """Whoever named /etc must not be told to close it."""
    onema.data.mkdir(mode=0o755)
    (onema.data / "photo.jpg").touch()
    found = json.loads(onema.run("doctor", "--json")[1])
    (folder,) = (one for one in found if one["what"] == "data folder")
    assert folder["level"] == "warn"
    assert "nothing of onema" in folder["detail"]
    assert "chmod" not in folder["hint"]


@pytest.mark.parametrize("command", ["account list", "serve", "demo", "doctor"])
def test_an_empty_data_option_is_refused(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--data "$UNSET"` is not the folder that somebody stands in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--data", ""])
    assert ended.value.code == 2
    assert "it is empty: name a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_busy_port_is_said_in_words() -> None:
    """With what helps, instead of the system's number."""
    settings = Settings(listen=Listen(host="10.9.9.9", port=8400))
    busy, missing = (OSError(number, "Python's words") for number in (errno.EADDRINUSE, errno.EADDRNOTAVAIL))
    assert why_not(busy, settings).startswith("something listens on 10.9.9.9:8400 already")
    assert why_not(missing, settings).startswith("10.9.9.9 is no address of this machine")


def test_very_many_warnings_do_not_bury_what_was_done(onema: Program) -> None:
    """The first are told, and how many more there are."""
    accounts = "\n".join(f"[[accounts]]\nname='a{number}'\nwindows=[]" for number in range(30))
    code, out, err = onema.run("apply", "-", stdin=f"[[tariffs]]\nname='default'\n{accounts}")
    assert (code, out.count("created")) == (0, 31)
    assert (err.count("accounts[a"), "and 10 more" in err) == (20, True)


def test_windows_are_counted_anew(onema: Program) -> None:
    """Of an account or a hotline; one of them must be named, and what was counted is told."""
    onema.changes("tariff", "set", "default", "--rate", "sms:+84=850")
    onema.changes("account", "add", "acme")
    assert onema.json("window", "reset", "acme") == []
    assert onema.json("window", "reset", "acme", "--phone", "0901888484", "--client-ip", "10.0.0.1") == []
    assert onema.json("window", "reset", "--hotline", "02471000003") == []
    for wrong in ((), ("acme", "--hotline", "02471000003"), ("--hotline", "1", "--phone", "0901888484")):
        code, _, err = onema.run("window", "reset", *wrong)
        assert code == 1
        assert "Name an account" in err


def test_a_link_for_somebody_is_made_listed_and_withdrawn(onema: Program) -> None:
    """It begins with the address that the settings say, and is shown once."""
    onema.run("tariff", "set", "default", "--rate", "sms:+84=850")
    onema.run("account", "add", "acme")
    made = onema.json("user", "invite", "--account", "acme", "--name", "hoa", "--days", "2")
    assert made["link"].startswith("http://127.0.0.1:")
    (shown,) = onema.json("user", "invitations")
    assert (shown["id"], shown["role"], shown["account"], shown["name"]) == (
        made["id"],
        "admin",
        "acme",
        "hoa",
    )
    assert made["link"].rpartition("/")[2] not in json.dumps(shown)
    assert onema.json("user", "invitations", "--account", "other") == []
    assert onema.json("user", "withdraw", made["id"]) == {"withdrawn": made["id"]}
    assert onema.json("user", "invitations") == []
    assert "no open invitation" in onema.json("user", "withdraw", made["id"], exit_code=1)["error"]
    wrong = onema.json("user", "invite", "--role", "owner", "--account", "acme", exit_code=1)["error"]
    assert "of one account somebody is admin, developer or viewer" in wrong


def test_the_first_link_is_made_before_anything_is_there(
    onema: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner may come before the first account; behind a proxy the link says what people type."""
    monkeypatch.setenv("ONEMA_CONSOLE_URL", "https://otp.example.com/")
    link = onema.json("user", "invite")["link"]
    assert link.startswith("https://otp.example.com/welcome/")
    assert onema.json("user", "invitations")[0]["role"] == "owner"
