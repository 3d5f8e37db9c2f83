import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from onema.telemetry.logs import build_handler
from onema.testing.postgres_server import PostgresServer, packaged_binaries, running_server

# How long an example takes says something about the machine only.
hypothesis.settings.register_profile("onema", deadline=None)
hypothesis.settings.load_profile("onema")

LOG_SCAN = "test_log_of_the_suite.py"


@pytest.fixture(scope="session", autouse=True)
def suite_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Everything that the tested code logs goes through the product's own handler into one file."""
    with (tmp_path_factory.getbasetemp() / "suite.log").open("w") as stream:
        handler = build_handler("json", stream)
        root = logging.getLogger()
        root.addHandler(handler)
        level = root.level
        root.setLevel(logging.DEBUG)
        yield
        root.setLevel(level)
        root.removeHandler(handler)


@pytest.fixture(scope="session", params=["installed", pytest.param("newest", marks=pytest.mark.full)])
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """The PostgreSQL of the run: the distribution's, and in full runs also the newest that PyPI has. Tests make
    databases of their own in it, and may not stop it.
    """
    with tempfile.TemporaryDirectory() as folder:
        binaries = packaged_binaries(Path(folder)) if request.param == "newest" else None
        with running_server(binaries=binaries) as server:
            yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scan of the suite's log comes last, when everything has been logged."""
    items.sort(key=lambda item: item.path.name == LOG_SCAN)
