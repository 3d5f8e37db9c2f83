"""What turns an HTTP request into an SMS that leaves: Kannel, and onema with its carriers."""

import contextlib
import itertools
import os
import string
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote_plus

import apsw

from bench.codes import ANY_JOB
from bench.requests import HOST, DemoRequests
from bench.server import ServerFailed, ServerProcess, free_port, running_server, until_open
from onema.loadtest.load import Classifier, by_status
from onema.loadtest.requests import spread
from onema.testing.postgres_server import cpu_seconds

TEXT = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"
"""The demo's template: what onema sends is what Kannel is given."""
WINDOW = 100


class System:
    """One of them, running. `all_done` says whether nothing is left to do once the SMSC heard of every receipt."""

    def __init__(
        self,
        port: int,
        accepted: str,
        request: Callable[[int], bytes],
        cpu: Callable[[], float],
        all_done: Callable[[], bool],
        classify: Classifier = by_status,
    ) -> None:
        self.port = port
        self.accepted = accepted
        self._request = request
        self.cpu_seconds = cpu
        self.all_done = all_done
        self.classify = classify
        self._numbers = itertools.count()

    def requests(self, count: int) -> list[bytes]:
        """Each for another phone."""
        return [self._request(number) for number in itertools.islice(self._numbers, count)]


@contextlib.asynccontextmanager
async def running_kannel(folder: Path, smsc_port: int) -> AsyncIterator[System]:
    """Its two processes, with their configuration in `folder`."""
    http_port, smsbox_port = free_port(), free_port()
    configuration = string.Template(Path(__file__).with_name("kannel.conf").read_text()).substitute(
        folder=folder,
        smsc_port=smsc_port,
        http_port=http_port,
        smsbox_port=smsbox_port,
        admin_port=free_port(),
    )
    file = folder / "kannel.conf"
    file.write_text(configuration)
    with contextlib.ExitStack() as stack:
        boxes: list[subprocess.Popen[bytes]] = []
        for box, port in (("bearerbox", smsbox_port), ("smsbox", http_port)):
            boxes.append(stack.enter_context(_process(box, file)))
            await until_open(port)

        def request(number: int) -> bytes:
            text = quote_plus(TEXT.replace("{OTP}", f"{number % 1_000_000:06d}"))
            query = (
                f"username=bench&password=bench&from=Baotrixemay&to=%2B8490{spread(number):07d}&text={text}"
                "&dlr-mask=3"
            )
            return f"GET /cgi-bin/sendsms?{query} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

        yield System(
            http_port, "202", request, lambda: sum(cpu_seconds(box.pid) for box in boxes), lambda: True
        )


@contextlib.contextmanager
def _process(box: str, file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    path = f"{os.environ['PATH']}:/usr/sbin"
    try:
        process = subprocess.Popen(
            [box, str(file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": path},
        )
    except FileNotFoundError as error:
        raise ServerFailed("Kannel is needed: install the package kannel") from error
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.asynccontextmanager
async def running_onema(data: Path, smsc_port: int | None) -> AsyncIterator[tuple[System, ServerProcess]]:
    """The demo on SQLite; its SMS go to the SMSC, or where that is None to the handset."""
    async with running_server(data) as server:
        if smsc_port is not None:
            _onema(
                data,
                "carrier", "add", "smsc", "--type", "smpp",
                *(f"--setting={name}={value}" for name, value in _settings(smsc_port).items()),
            )  # fmt: skip
            _onema(data, "route", "add", "sms", "smsc", "--prefix", "+84")
        codes = DemoRequests(data).esms
        store = apsw.Connection(str(data / "onema.db"), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(store):
            yield (
                System(
                    server.port,
                    codes.accepted,
                    codes.send,
                    server.cpu_seconds,
                    lambda: store.execute(ANY_JOB).fetchone() is None,
                    codes.classify,
                ),
                server,
            )


def _settings(port: int) -> dict[str, object]:
    return {
        "addresses": f'["127.0.0.1:{port}"]',
        "system_id": "bench",
        "password": "bench",
        "window": WINDOW,
    }


def _onema(data: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "onema.cli", "--data", str(data), *arguments], check=True)
