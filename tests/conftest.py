import logging
from collections.abc import Iterator

import pytest

from onema.telemetry.logs import build_handler
from onema.testing.postgres_server import PostgresServer, running_server

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The one PostgreSQL of the run. Tests make databases of their own in it, and may not stop it."""
    with running_server() as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scan of the suite's log comes last, when everything has been logged."""
    items.sort(key=lambda item: item.path.name == LOG_SCAN)
