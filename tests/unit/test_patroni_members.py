"""A member of the tests' Patroni cluster, ended."""

import subprocess
from pathlib import Path

from onema.testing.patroni import Etcd, Member


def test_only_the_servers_own_processes_are_killed(tmp_path: Path) -> None:
    """A killed server's postmaster.pid stays, and the kernel gives its number to others."""
    member = Member(tmp_path, 1, Etcd(tmp_path, 1), None)
    data = tmp_path / member.name
    data.mkdir()
    with (
        subprocess.Popen(["sleep", "60"], cwd=tmp_path) as stranger,
        subprocess.Popen(["sleep", "60"], cwd=data) as server,
    ):
        try:
            for process in (stranger, server):
                (data / "postmaster.pid").write_text(f"{process.pid}\n{data}\n")
                member.kill()
            assert server.wait(10) == -9
            assert stranger.poll() is None
        finally:
            stranger.kill()
            server.kill()
