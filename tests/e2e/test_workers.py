"""Several processes behind one port, one to the outside: any of them answers, for all."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from onema.domain.ids import MAX_NODE, SEQUENCE_BITS
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import DEADLINE_SECONDS, RunningServer, eventually

from .acme import call, check, configure, environment, post, received, request, send

WORKERS, FIRST_NODE = 3, 40
NODES = set(range(FIRST_NODE, FIRST_NODE + WORKERS))


@pytest.fixture(scope="module")
def shared(postgres_server: PostgresServer) -> dict[str, str]:
    return environment(postgres_server.create_database("workers")) | {"ONEMA_NODE_NUMBER": str(FIRST_NODE)}


def workers_in(folder: Path, shared: dict[str, str], **settings: str) -> RunningServer:
    return RunningServer(folder / "data", "serve", "--workers", str(WORKERS), environment=shared | settings)


@pytest.fixture(scope="module")
def server(shared: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with workers_in(tmp_path_factory.mktemp("workers"), shared) as server:
        configure(server)
        yield server


@pytest.fixture
def doomed(shared: dict[str, str], tmp_path: Path) -> Iterator[RunningServer]:
    """One that its test ends."""
    with workers_in(tmp_path, shared) as server:
        yield server


def workers_of(server: RunningServer) -> list[int]:
    """The processes of the workers."""
    assert server.process is not None
    parents = {int(path.parent.name): path for path in Path("/proc").glob("[0-9]*/stat")}
    return [pid for pid, path in parents.items() if _parent(path) == server.process.pid]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def node_of(identifier: str) -> int:
    """The number of the worker that accepted a message."""
    return int(identifier) >> SEQUENCE_BITS & MAX_NODE


def metric(server: RunningServer, series: str) -> float:
    text = server.get("/metrics")[1].decode()
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))


SENT = 'onema_commands_total{kind="SendCode",result="done"}'


class Events:
    """One browser's event stream."""

    def __init__(self, server: RunningServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
        self._connection.request("GET", "/handset/events")
        self._response = self._connection.getresponse()
        self.next("caught-up")
        # Whoever answered has told what it knew before; after the second time everybody has heard it.
        for _ in range(2):
            server.get("/health/ready")

    def next(self, kind: str, **wanted: str) -> dict[str, Any]:
        """The next event of this kind whose members are as wanted."""
        event = ""
        while line := self._response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event == kind:
                data: dict[str, Any] = json.loads(value)
                if wanted.items() <= data.items():
                    return data
        raise AssertionError("the stream ended")

    def read_to_end(self) -> None:
        while self._response.readline():
            pass

    def close(self) -> None:
        self._connection.close()


def test_any_worker_answers_and_all_are_one(server: RunningServer) -> None:
    """Codes accepted by all of them are checked by any; their phones are one; their metrics are one truth."""
    phones: list[str] = []
    nodes: set[int] = set()
    before = metric(server, SENT)
    while nodes != NODES:
        phones.append(f"09010{len(phones):05d}")
        assert send(server, phones[-1]) == "100"
        nodes.add(node_of(received(server, phones[-1])[0]["id"]))
        assert len(phones) < 200, f"connections reach {nodes} only"
    assert nodes == NODES
    code = str(received(server, phones[0])[0]["code"])
    assert sorted(check(server, phones[0], code) for _ in range(6)) == ["100"] + ["117"] * 5
    assert {metric(server, SENT) for _ in range(6)} == {before + len(phones)}
    text = server.get("/metrics")[1].decode()
    memory = [line for line in text.splitlines() if line.startswith("process_resident_memory_bytes{")]
    assert [f'worker="{number}"' in line for number, line in enumerate(memory, 1)] == [True] * WORKERS


def test_a_login_holds_at_every_worker(server: RunningServer) -> None:
    """The session is the browser's, not a process's."""
    server.onema("user", "add", "lan", "--password-stdin", stdin="correct horse battery")
    # A host that is not this machine's own: only a session opens it.
    stranger = {"Host": "onema.example"}

    def log_in() -> str | None:
        form = {"Content-Type": "application/x-www-form-urlencoded", **stranger}
        answer = request(server, "POST", "/login", "name=lan&password=correct+horse+battery", form)
        return (answer.getheader("set-cookie") or "").partition(";")[0] if answer.status == 303 else None

    session = {"Cookie": eventually(log_in), **stranger}
    assert [request(server, "GET", "/handset/messages", "", session).status for _ in range(12)] == [200] * 12
    assert request(server, "GET", "/handset/messages", "", stranger).status == 401


def test_a_call_of_any_worker_rings_in_one_browser_and_is_steered_from_anywhere(
    server: RunningServer,
) -> None:
    """Calls that each of the workers places ring, are answered, given digits and declined; the audio is there."""
    events = Events(server)
    calls: dict[int, str] = {}
    while set(calls) != NODES:
        assert call(server, "0901888484")["message"] == "success"
        ringing = events.next("call", state="ringing")
        calls[node_of(ringing["id"])] = ringing["id"]
        assert post(server, f"/handset/calls/{ringing['id']}/answer")[0] == 204
        events.next("call", id=ringing["id"], state="talking")
        assert post(server, f"/handset/calls/{ringing['id']}/key?digit=5")[0] == 204
        events.next("call", id=ringing["id"], digits="5")
        assert server.get(ringing["audio_url"])[1].startswith(b"RIFF")
        assert post(server, f"/handset/calls/{ringing['id']}/decline")[0] == 204
        events.next("call", id=ringing["id"], state="ended")
        assert post(server, f"/handset/calls/{ringing['id']}/answer")[0] == 409
    call(server, "0901888485")
    declined = events.next("call", state="ringing", to="+84901888485")["id"]
    assert post(server, f"/handset/calls/{declined}/decline")[0] == 204
    assert events.next("call", id=declined, state="ended")["ending"] == "declined"
    events.close()


def test_a_killed_worker_comes_back_and_no_count_goes_back(server: RunningServer) -> None:
    """Meanwhile the others serve and say that the node is not ready; then it is again, with one more restart."""
    before = metric(server, SENT)
    killed = workers_of(server)[1]
    os.kill(killed, signal.SIGKILL)
    # From then on nobody is connected to it any more.
    eventually(lambda: not Path(f"/proc/{killed}").exists())
    assert server.get("/health/ready")[0] == 503
    assert send(server, "0901000077") == "100"
    assert metric(server, SENT) == before + 1
    eventually(lambda: server.get("/health/ready")[0] == 200)
    assert metric(server, SENT) == before + 1
    assert metric(server, "onema_worker_restarts_total") == 1
    assert '"a worker died"' in server.log.read_text()
    assert len(workers_of(server)) == WORKERS


@pytest.mark.usefixtures("server")
def test_a_hung_worker_is_replaced_and_its_callers_are_not_left_waiting(
    shared: dict[str, str], tmp_path: Path
) -> None:
    """Meanwhile the others tell what the node counts; then every request is answered again."""
    with workers_in(tmp_path, shared, ONEMA_NODE_NUMBER="50", ONEMA_WORKER_PATIENCE="2") as other:
        hung = workers_of(other)[1]
        os.kill(hung, signal.SIGSTOP)
        assert eventually(lambda: answer(other, "/metrics"))[0] == 200
        eventually(lambda: not Path(f"/proc/{hung}").exists())
        eventually(lambda: other.get("/health/ready")[0] == 200)
        assert [send(other, f"09010055{number:02d}") for number in range(12)] == ["100"] * 12
        assert metric(other, "onema_worker_restarts_total") == 1
        assert '"a worker hangs and is killed"' in other.log.read_text()


def answer(server: RunningServer, path: str) -> tuple[int, bytes] | None:
    """None when the connection was the hung worker's, which ends with it."""
    try:
        return server.get(path)
    except (OSError, http.client.HTTPException):
        return None


def test_a_stop_ends_all_workers_and_their_streams(doomed: RunningServer) -> None:
    """SIGTERM to the parent alone; exit status 0; an open page does not hold it up."""
    events = Events(doomed)
    workers = workers_of(doomed)
    assert doomed.stop() == 0
    events.read_to_end()
    events.close()
    assert len(workers) == WORKERS
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_killed_parent_leaves_no_workers(doomed: RunningServer) -> None:
    """They see the end of their line, and stop as if they had been told to."""
    workers = workers_of(doomed)
    doomed.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", doomed.port)):
        pass


def serve(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onema.cli", "serve", "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_workers_that_cannot_start_say_why_once(tmp_path: Path) -> None:
    """In the words of one server, with its exit status."""
    nowhere = "postgresql://127.0.0.1:1/onema"
    done = serve(tmp_path / "data", "--workers", "3", "--port", "0", "--database", nowhere)
    assert done.returncode == 1
    assert done.stderr.count("onema cannot start: ") == 1
    assert "PostgreSQL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_refused(server: RunningServer, tmp_path: Path) -> None:
    """Although the workers of one server share theirs: two servers must not."""
    for workers in ("1", "2"):
        done = serve(
            tmp_path, "--workers", workers, "--port", str(server.port), environment=server.environment
        )
        assert done.returncode == 1
        assert "onema cannot start: " in done.stderr
        assert "listens on" in done.stderr


def test_sqlite_has_one_process_and_says_what_to_do(tmp_path: Path) -> None:
    """Asked for more workers, or for a second server on the folder."""
    done = serve(tmp_path / "data", "--workers", "2")
    assert done.returncode == 1
    assert "Use PostgreSQL" in done.stderr
    with RunningServer(tmp_path / "data", "serve"):
        done = serve(tmp_path / "data", "--port", "0")
    assert done.returncode == 1
    assert "in use by process" in done.stderr
    assert "PostgreSQL" in done.stderr


def test_an_unknown_role_is_refused_by_name(tmp_path: Path) -> None:
    """With the names that there are."""
    done = serve(tmp_path / "data", "--roles", "api,sms")
    assert done.returncode == 1
    assert "'sms'" in done.stderr
    assert "api | deliver | voice | console" in done.stderr
