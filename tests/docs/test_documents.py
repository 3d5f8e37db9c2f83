"""The documents say what is true: commands work, folders and decisions are listed. More: test_references.py."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.testing.running_server import RunningServer, eventually, free_port

ROOT = Path(__file__).parents[2]


def test_every_decision_is_in_the_list() -> None:
    """And every one in the list is there."""
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_the_map_names_every_folder() -> None:
    """ARCHITECTURE.md has a row for each folder of the product, which names those in it, and none that is gone."""
    product = ROOT / "src" / "onema"
    rows = re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    named = {folder for folder, _ in rows} | {
        f"{folder}/{inner}" for folder, said in rows for inner in re.findall(r"`(\w+)/`", said)
    }
    folders = {
        str(path.relative_to(product))
        for pattern in ("*/", "*/*/")
        for path in product.glob(pattern)
        if any(file.suffix != ".pyc" for file in path.rglob("*") if file.is_file())
    }
    assert named == folders


def test_dev_lists_every_command_of_its_own() -> None:
    """`./dev` alone prints what there is."""
    script = (ROOT / "dev").read_text()
    listed = subprocess.run([ROOT / "dev"], capture_output=True, text=True, check=True).stdout
    for command in re.findall(r"^cmd_(\w+)\(", script, re.MULTILINE):
        assert re.search(rf"^  {command}\b", listed, re.MULTILINE), command


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("readme") / "demo-data", "demo") as server:
        yield server


def test_the_readme_begins_with_a_checked_code(server: RunningServer) -> None:
    """Through our own API, before any vendor's: its first two blocks, run as they stand, and once more."""
    readme = (ROOT / "README.md").read_text().replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    assert blocks[0] == "./dev run\n"
    send, check = blocks[1:3]

    def run(script: str) -> Any:
        command = ["bash", "-euc", script]
        done = subprocess.run(command, cwd=server.data.parent, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    begun = run(send)
    shown, right = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", readme, re.DOTALL)[:2])
    assert {**begun, **{name: shown[name] for name in ("id", "created_at", "expires_at")}} == shown
    eventually(lambda: server.json("/handset/messages", to="0901888484"))
    login = send.splitlines()[0]
    assert run(f"{login}\n{check}") == {**right, "id": begun["id"]}
    assert run(f"{login}\n{check}")["valid"] is False


def test_the_pictures_of_the_readme_are_small() -> None:
    """PNG, 1280 wide, as tests/docs/screenshots.py takes them."""
    pictures = re.findall(r"!\[[^\]]+\]\((docs/screenshots/[^)]+)\)", (ROOT / "README.md").read_text())
    assert len(pictures) == 3
    for picture in pictures:
        content = (ROOT / picture).read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(content[16:20], "big") == 1280
        assert len(content) < 150_000


def test_the_readme_gets_a_stranger_to_a_checked_code(server: RunningServer) -> None:
    """And through eSMS: its shell lines, run as they stand beside a data folder, end with what it promises."""
    readme = (ROOT / "README.md").read_text().replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
    send, check = (
        block
        for block in re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
        if "SendMessageAutoGenCode" in block or "CheckCodeGen" in block
    )

    def run(script: str) -> str:
        command = ["bash", "-euc", script]
        return subprocess.run(
            command, cwd=server.data.parent, capture_output=True, text=True, check=True
        ).stdout

    assert '"CodeResult":"100"' in run(send)
    eventually(lambda: server.json("/handset/messages", to="0901888484"))
    keys = send.splitlines()[0]
    assert run(f"{keys}\n{check}").endswith('"ErrorMessage":"0901888484, Content: Success!"}')
    assert '"CodeResult":"117"' in run(f"{keys}\n{check}")


@pytest.mark.full
def test_the_readme_rings_a_phone_over_sip(server: RunningServer) -> None:
    """Its lines, run as they stand: the phone hears the code, and the trunk's status counts the call."""
    readme = (ROOT / "README.md").read_text().replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    port = free_port()
    onema = shlex.join([sys.executable, "-m", "onema.cli"])

    def the(words: str) -> str:
        (block,) = [block for block in blocks if words in block]
        said = block.replace("127.0.0.1:5070", f"127.0.0.1:{port}").replace("./dev onema", onema)
        return str(said.replace("simulate callee", f"simulate callee --port {port}"))

    def run(script: str) -> str:
        command = ["bash", "-euc", script]
        return subprocess.run(
            command, cwd=server.data.parent, capture_output=True, text=True, check=True
        ).stdout

    def trunk() -> dict[str, Any]:
        status = json.loads(run(f"{onema} --json --data demo-data carrier status"))
        return next(carrier for carrier in status if carrier["name"] == "trunk")

    simulate = ["bash", "-euc", f"exec {the('simulate callee')}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(simulate, cwd=server.data.parent, stdout=pipe, stderr=pipe, text=True) as callee:
        try:
            assert callee.stderr is not None
            assert f"listen on 127.0.0.1:{port}" in callee.stderr.readline()
            assert "trunk" in run(the("carrier add sip"))
            eventually(lambda: trunk()["ready"])
            keys = the("SendMessageAutoGenCode").splitlines()[0]
            assert '"CodeResult":"100"' in run(f"{keys}\n{the('VoiceOTP')}")
            assert callee.stdout is not None
            printed = callee.stdout.readline()
            assert " -> +84901888484  rang " in printed
            assert "heard 686868 " in printed
            eventually(lambda: trunk()["calls"]["answered"] == 1.0)
        finally:
            callee.terminate()
            callee.wait()


def test_the_readme_lets_a_code_leave_over_smpp(server: RunningServer) -> None:
    """Its lines, run as they stand: the SMSC prints the code, the page shows it, the story names the carrier."""
    readme = (ROOT / "README.md").read_text().replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    port = free_port()
    onema = shlex.join([sys.executable, "-m", "onema.cli"])

    def the(words: str) -> str:
        (block,) = [block for block in blocks if words in block]
        said = block.replace("127.0.0.1:2775", f"127.0.0.1:{port}").replace("./dev onema", onema)
        return str(said.replace("simulate smsc", f"simulate smsc --port {port}"))

    def run(script: str) -> str:
        command = ["bash", "-euc", script]
        return subprocess.run(
            command, cwd=server.data.parent, capture_output=True, text=True, check=True
        ).stdout

    def ready() -> set[str]:
        status = json.loads(run(f"{onema} --json --data demo-data carrier status"))
        return {carrier["name"] for carrier in status if carrier["ready"]}

    simulate = ["bash", "-euc", f"exec {the('simulate smsc')}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(simulate, cwd=server.data.parent, stdout=pipe, stderr=pipe, text=True) as smsc:
        try:
            assert smsc.stderr is not None
            assert "listens on" in smsc.stderr.readline()
            assert "smsc" in run(the("carrier add smsc"))
            eventually(lambda: "smsc" in ready())
            answer = json.loads(run(the("SendMessageAutoGenCode")))
            assert smsc.stdout is not None
            printed = smsc.stdout.readline()
            assert printed.startswith("Baotrixemay -> +84901888484  ")
            # The newest of the phone's.
            eventually(lambda: server.json("/handset/messages", to="0901888484")[0]["text"] in printed)
            eventually(lambda: "delivered" in run(f"{onema} --data demo-data message show {answer['SMSID']}"))
            story = run(f"{onema} --data demo-data message show {answer['SMSID']}")
            assert "smsc" in story
        finally:
            smsc.terminate()
            smsc.wait()
