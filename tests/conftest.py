import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from onema.telemetry.logs import build_handler
from onema.testing.postgres_server import PostgresServer, packaged_binaries, running_server
from tests.log_of_the_suite import SUITE_LOG, faults

TESTS = Path(__file__).parent

PEERS = ("vonage",)
"""Loggers of vendors' own clients, which tests run in their process: they may log what they like."""

# How long an example takes says something about the machine only.
hypothesis.settings.register_profile("onema", deadline=None)
hypothesis.settings.load_profile("onema")


@pytest.fixture(scope="session", autouse=True)
def suite_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Everything that the tested code logs goes through the product's own handler into one file."""
    with (tmp_path_factory.getbasetemp() / SUITE_LOG).open("w") as stream:
        handler = build_handler("json", stream)
        handler.addFilter(lambda record: record.name.partition(".")[0] not in PEERS)
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


_LONGEST_FIRST = ("full", "e2e", "integration", "peers", "browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process of a parallel run is left alone with it at the end. What is
    about SQLite runs once, not again for each PostgreSQL that the run has.
    """
    repeated = [item for item in items if _is_sqlite_again(item)]
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]
    order = {name: number for number, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(order)))


def _is_sqlite_again(item: pytest.Item) -> bool:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return params.get("postgres_server") == "newest" and "sqlite" in params.values()


def pytest_configure(config: pytest.Config) -> None:
    """One seed for all processes of a run: they inherit the variable. What is printed is as wide in each of them."""
    os.environ.setdefault("SEED", str(secrets.randbelow(10**6)))
    os.environ.pop("COLUMNS", None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """A run with chance in it says its seed first, so that one that fails or hangs can be repeated."""
    if not _is_worker(session) and session.config.option.markexpr != "not full":
        session.config.get_terminal_writer().line(f"SEED={os.environ['SEED']}")


# First, since pytest then lets go of the run's folder, and another run may remove it.
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """When everything has been logged, by all processes of the run, its logs are looked through."""
    if _is_worker(session):
        return
    for fault in faults(session.config._tmp_path_factory.getbasetemp()):  # type: ignore[attr-defined]  # no other way
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.get_terminal_writer().line(f"LOG {fault}", red=True)


def _is_worker(session: pytest.Session) -> bool:
    """Whether it is one process of a parallel run, and not what all of them report to."""
    return hasattr(session.config, "workerinput")
