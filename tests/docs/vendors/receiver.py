"""The receivers that pages show (fenced as `py`), each run as a program of its own."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from onema.testing.running_server import eventually, free_port

from .samples import PAGES


class Receiver:
    """One that runs; `url` is where it takes what begins with `path`."""

    def __init__(self, page: str, path: str, folder: Path, **environment: str) -> None:
        """`environment` is what its page asks for besides the port."""
        (self._program,) = re.findall(r"^```py\n(.*?)^```", (PAGES / f"{page}.md").read_text(), re.M | re.S)
        self._said = folder / "said"
        self._port = free_port()
        self._path = path
        self._environment = {"TOKEN": "secret", **environment}
        self.url = f"http://127.0.0.1:{self._port}{path}?token=secret"

    @contextmanager
    def running(self) -> Iterator[None]:
        environment = {**os.environ, **self._environment, "PORT": str(self._port)}
        with self._said.open("wb") as said:
            process = subprocess.Popen(  # our own interpreter and page
                [sys.executable, "-c", self._program], stdout=said, stderr=subprocess.DEVNULL, env=environment
            )
        try:
            eventually(lambda: self.post(self._path, b"{}") == 403)
            yield
        finally:
            process.terminate()
            process.wait()

    def post(self, target: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> int:
        """The status of an answer; 0 when nobody listens yet."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{target}", body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # ours
                return int(response.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code
        except urllib.error.URLError:
            return 0

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._said.read_text().splitlines()]
