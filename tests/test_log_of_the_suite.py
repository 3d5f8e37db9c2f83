import json
from pathlib import Path

import pytest

from tests.log_of_the_suite import faults


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("sent to +84901888484", "a phone number"),
        ("123456 la ma xac minh", "the text of a message"),
        ('"password": "hunter2"', "a secret parameter"),
        ("https://example.com/?callback-canary=1", "what a callback's URL hides"),
        ("eyJhbGciOiJIUzI1NiJ9", "a bearer token"),
        ("key s3cr3t-of-the-demo", "a demo's secret"),
    ],
)
def test_what_no_log_may_hold_is_found(tmp_path: Path, line: str, what: str) -> None:
    """In the log of a server that a test of a parallel run started."""
    server = tmp_path / "gw0" / "test_demo0"
    (server / "demo").mkdir(parents=True)
    (server / "demo" / "demo.json").write_text(json.dumps({"esms": {"SecretKey": "s3cr3t-of-the-demo"}}))
    # Not as *.log, which the scan of this very run would find.
    (server / "demo.text").write_text(f"started\n{line}\n")
    assert list(faults(tmp_path)) == []
    (server / "demo.text").rename(server / "demo.log")
    found = list(faults(tmp_path))
    (server / "demo.log").unlink()
    assert found == [f"demo.log holds {what}: {line}"]


def test_harmless_lines_pass(tmp_path: Path) -> None:
    """Masked numbers, names of settings and ids are no fault."""
    (tmp_path / "server.log").write_text(
        'phone +84*****484\n"password": "***"\nmessage 1234567890123456789\ntoken expired\n'
    )
    assert list(faults(tmp_path)) == []
