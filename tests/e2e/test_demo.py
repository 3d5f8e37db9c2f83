"""The demo server as a new user meets it."""

import http.client
import itertools
import json
import os
import re
import shlex
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from onema.telemetry.metrics import CARRIER_FIGURES, PROBE_FIGURES
from onema.testing.running_server import RunningServer, eventually

SERVICE = "/MainService.svc/json"
EVERY_CARRIER_HAS = {"in_flight", "breaker_open", "lowered_pace"}
"""Figures."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("demo") / "data"
    with RunningServer(data, "demo", environment={"ONEMA_LOGS_LEVEL": "debug"}) as server:
        yield server


def gencode(server: RunningServer, phone: str, **changes: str) -> dict[str, Any]:
    keys = server.credentials("esms")
    query = {
        "Phone": phone,
        "ApiKey": keys["ApiKey"],
        "SecretKey": keys["SecretKey"],
        "Brandname": keys["Brandname"],
        "Type": "2",
        "message": keys["message"],
        "IsNumber": "1",
        **changes,
    }
    answer: dict[str, Any] = server.json(f"{SERVICE}/SendMessageAutoGenCode_V4_get", **query)
    return answer


def call_with_code(server: RunningServer, phone: str) -> None:
    keys = server.credentials("esms")
    query = {"Phone": phone, "ApiKey": keys["ApiKey"], "SecretKey": keys["SecretKey"], "Code": "068686"}
    assert server.json(f"{SERVICE}/VoiceOTP", **query)["CodeResult"] == "100"


def checkcode(server: RunningServer, phone: str, code: str, **changes: str) -> str:
    keys = server.credentials("esms")
    query = {
        "Phone": phone,
        "ApiKey": keys["ApiKey"],
        "SecretKey": keys["SecretKey"],
        "Code": code,
        **changes,
    }
    return str(server.json(f"{SERVICE}/CheckCodeGen_V4_get", **query)["CodeResult"])


def code_on(server: RunningServer, phone: str) -> str:
    """The newest code that the simulated phone shows."""
    received = eventually(lambda: server.json("/handset/messages", to=phone))
    return str(received[0]["text"])[:6]


def parallel(count: int, work: Any) -> list[Any]:
    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(work, range(count)))


def test_the_printed_curl_lines_send_show_and_check_a_code(server: RunningServer) -> None:
    """Pasted one after the other, with the code put in, they succeed: our own API first, then eSMS."""

    def paste(line: list[str]) -> Any:
        return json.loads(subprocess.run(line, capture_output=True, check=True).stdout)

    lines = re.findall(r"^curl .*$", server.output.read_text(), re.MULTILINE)
    send, read, check = (shlex.split(line) for line in lines[:3])
    begun = paste(send)
    assert begun["status"] == "pending"
    code = eventually(lambda: paste(read))[0]["text"][:6]
    check = [word.replace("/ID/", f"/{begun['id']}/").replace("123456", code) for word in check]
    assert paste(check)["valid"] is True
    send, check = (
        shlex.split(line) for line in lines if (SERVICE in line and "CodeGen" in line) or "GenCode" in line
    )
    assert paste(send)["CodeResult"] == "100"
    code = eventually(lambda: [one for one in paste(read) if one["text"][:6] != code])[0]["text"][:6]
    assert paste([*check[:-1], check[-1].replace("Code=123456", f"Code={code}")])["CodeResult"] == "100"


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("0901888471", "Your code: {OTP}"),
        ("0901888472", "Mã của bạn là {OTP}."),
        ("0901888473", "【店】{OTP},五分钟内有效"),
        ("0901888474", "G-{OTP}"),
    ],
)
def test_the_demo_takes_a_newcomers_own_text(server: RunningServer, phone: str, text: str) -> None:
    """Whatever has {OTP} in it; nobody must register a template to see a first code."""
    assert gencode(server, phone, message=text, NumCharOfCode="6")["CodeResult"] == "100"
    (received,) = eventually(lambda: server.json("/handset/messages", to=phone))
    assert re.search(r"\d{6}", received["text"])
    assert len(received["text"]) == len(text) - len("{OTP}") + 6


def test_nobody_else_reads_the_data_folder(server: RunningServer) -> None:
    """The folder and everything in it, phone numbers and keys, belong to the server's user alone."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [server.data, *server.data.iterdir()]}
    assert {"onema.db", "onema.db-wal", "server.key", "demo.json", "control.sock", "lock"} <= set(modes)
    assert {name for name, mode in modes.items() if mode & 0o077} == set()


def test_a_crash_writes_no_memory_to_disk(server: RunningServer) -> None:
    """Keys are in it. Children inherit the limit."""
    assert server.process is not None
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]


def test_the_demo_credentials_are_private(server: RunningServer) -> None:
    """demo.json has the documented members and mode 0600."""
    file = server.data / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    credentials = json.loads(file.read_text())
    assert set(credentials["esms"]) == {"ApiKey", "SecretKey", "Brandname", "message"}
    assert set(credentials["vbee"]) == {"apiKey", "apiSecret"}
    assert set(credentials["ytx"]) == {"accountSID", "authToken", "appid"}
    assert set(credentials["native"]) == {"key", "secret"}
    assert set(credentials["console"]) == {"user", "password"}
    assert "{OTP}" in credentials["esms"]["message"]


def test_what_the_handset_shows_has_the_documented_members(server: RunningServer) -> None:
    """Newest first, with id, channel, to, from, text, audio_url and received_at."""
    for _ in range(2):
        assert gencode(server, "0901000001")["CodeResult"] == "100"
    received = eventually(lambda: (r := server.json("/handset/messages", to="0901000001"))[1:] and r)
    assert {"id", "channel", "to", "from", "text", "audio_url", "received_at"} <= set(received[0])
    assert received[0]["to"] == "+84901000001"
    assert received[0]["channel"] == "sms"
    assert received[0]["received_at"] >= received[1]["received_at"]


def test_every_metric_counts_something(server: RunningServer) -> None:
    """A family without a sample after a code was sent and checked is one that nobody feeds. Capacity is shown of
    carriers that have a total, binds, windows and calls of those that have some, balances of accounts that may run out,
    probes of trunks: the demo has none of these, gives no job up, and nobody takes its messages for spam. A scripted
    phone has a receipt; a phone that nobody watches does not ring.
    """
    not_here = {
        "onema_carrier_capacity",
        "onema_account_balance",
        "onema_dead_jobs_total",
        "onema_suspected_total",
        "onema_call_ring_seconds",
    } | {f"onema_carrier_{figure}" for figure in set(CARRIER_FIGURES) - EVERY_CARRIER_HAS}
    not_here |= {f"onema_voice_probe_{figure}" for figure in PROBE_FIGURES}
    gencode(server, "0901000009")
    assert gencode(server, "1")["CodeResult"] == "108"
    checkcode(server, "0901000009", code_on(server, "0901000009"))
    gencode(server, "0901000009", SecretKey="WRONG")
    gencode(server, "0990000002")
    call_with_code(server, "0901000009")

    def silent() -> set[str]:
        lines = server.get("/metrics")[1].decode().splitlines()
        families = {line.split()[2] for line in lines if line.startswith("# TYPE onema_")}
        silent = {family for family in families if not any(line.startswith(family) for line in lines)}
        return silent - not_here

    eventually(lambda: not silent())


def test_no_code_is_in_the_log(server: RunningServer) -> None:
    """Neither a sent nor a typed one, in whatever words, at the most talkative level."""
    gencode(server, "0901000010")
    code = code_on(server, "0901000010")
    assert [checkcode(server, "0901000010", typed) for typed in ("7Q4WZ9", code)] == ["117", "100"]
    log = server.log.read_text()
    assert re.findall(rf"(?<![\w.]){code}(?!\w)|7Q4WZ9", log) == []


def test_fifty_parallel_checks_evaluate_five(server: RunningServer) -> None:
    """45 of them find the code dead; the right one after five wrong ones does not succeed."""
    phone = "0901000002"
    gencode(server, phone)
    code = code_on(server, phone)
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    assert parallel(50, lambda _: checkcode(server, phone, wrong)) == ["117"] * 50
    assert checkcode(server, phone, code) == "117"


def test_the_right_code_after_four_wrong_ones_succeeds(server: RunningServer) -> None:
    """Four typing errors are forgiven."""
    phone = "0901000003"
    gencode(server, phone)
    code = code_on(server, phone)
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    assert [checkcode(server, phone, typed) for typed in [wrong] * 4 + [code]] == ["117"] * 4 + ["100"]


def test_fifty_parallel_right_answers_verify_once(server: RunningServer) -> None:
    """A code is used by whoever comes first."""
    phone = "0901000004"
    gencode(server, phone)
    code = code_on(server, phone)
    assert sorted(parallel(50, lambda _: checkcode(server, phone, code))) == ["100"] + ["117"] * 49


def test_two_hundred_parallel_sends_spend_what_the_wallet_holds(server: RunningServer) -> None:
    """A prepaid account with money for ten sends ten; the rest is told 103."""
    file = """
[[tariffs]]
name = "default"
rates = [{channel = "sms", prefix = "+84", price = "850"}]
[[accounts]]
name = "acme"
[[accounts.credentials]]
dialect = "esms"
key = "ACME"
secret = "ACME-SECRET"
[[accounts.brandnames]]
name = "Acme"
templates = ["{OTP} la ma xac minh cua Acme"]
[[accounts.top_ups]]
reference = "first"
amount = "8500"
"""
    server.onema("apply", "-", stdin=file)
    own = {
        "ApiKey": "ACME",
        "SecretKey": "ACME-SECRET",
        "Brandname": "Acme",
        "message": "{OTP} la ma xac minh cua Acme",
    }
    results = parallel(200, lambda n: gencode(server, f"0901001{n:03d}", **own)["CodeResult"])
    assert (results.count("100"), results.count("103")) == (10, 190)
    assert server.onema("wallet", "show", "acme")["balance"] == "0"


def test_a_second_server_on_the_same_data_is_refused(server: RunningServer) -> None:
    """It says who holds the folder, and does no harm."""
    command = [sys.executable, "-m", "onema.cli", "demo", "--data", str(server.data), "--port", "0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"in use by process {server.process.pid if server.process else 0}" in result.stderr
    assert server.get("/health/ready")[0] == 200


def test_a_demo_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """What `onema serve` serves in the same place knows nothing of an account without limits, whatever is set."""
    environment = {"ONEMA_DATA": str(tmp_path / "data"), "ONEMA_LISTEN_HOST": "0.0.0.0"}
    command = [sys.executable, "-m", "onema.cli", "demo", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        greeting = "".join(itertools.takewhile(lambda line: "CodeCallOut" not in line, demo.stdout))
        demo.terminate()
        said = demo.stderr.read()
    assert demo.returncode == 0
    assert "demo-data/demo.json" in greeting
    assert "ONEMA_LISTEN_HOST does not count here" in said
    assert [path.name for path in tmp_path.iterdir()] == ["demo-data"]


def test_a_demo_does_not_begin_where_customers_are(tmp_path: Path) -> None:
    """It would give their server an account without limits whose keys lie in a file."""
    server = RunningServer(tmp_path / "data", "serve")
    with server:
        server.onema("tariff", "set", "default", "--rate", "sms:+=1")
        server.onema("account", "add", "acme")
    command = [sys.executable, "-m", "onema.cli", "demo", "--data", str(server.data), "--port", "0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "there are accounts already (acme)" in result.stderr
    assert not (server.data / "demo.json").exists()


def test_the_doctor_warns_of_a_served_demo(server: RunningServer) -> None:
    """Whoever serves customers from this folder should know."""
    warned = [found for found in server.onema("doctor") if found["what"] == "demo"]
    assert [found["level"] for found in warned] == ["warn"]


def test_starting_again_keeps_credentials_and_messages(tmp_path: Path) -> None:
    """A restart on the same data is invisible to integrators."""
    server = RunningServer(tmp_path / "data", "demo")
    with server:
        before = (server.data / "demo.json").read_text()
        gencode(server, "0901888484")
        code = code_on(server, "0901888484")
    with server:
        assert (server.data / "demo.json").read_text() == before
        assert code_on(server, "0901888484") == code
        assert checkcode(server, "0901888484", code) == "100"


def test_stopping_closes_event_streams_and_exits_cleanly(tmp_path: Path) -> None:
    """SIGTERM with a browser watching: the stream ends, the process exits with 0, well before the deadline."""
    server = RunningServer(tmp_path / "data", "demo")
    server.start()
    watcher = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    watcher.request("GET", "/handset/events")
    stream = watcher.getresponse()
    assert stream.status == 200
    assert server.stop() == 0
    while stream.read1(65536):
        pass
    stream.close()
    watcher.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
