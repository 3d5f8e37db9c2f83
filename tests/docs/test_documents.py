"""The documents say what is true: commands work, folders and decisions are listed. More: test_references.py."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

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


def test_the_readme_gets_a_stranger_to_a_checked_code(server: RunningServer) -> None:
    """Its shell lines, run as they stand beside a data folder, end with what it promises."""
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
