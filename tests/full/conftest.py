import os
import random
import secrets

import pytest

_SEED = pytest.StashKey[int]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Said before the first test, so that a run that passes or hangs can be repeated too."""
    seed = session.config.stash[_SEED] = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    if any(item.get_closest_marker("full") for item in session.items):
        session.config.get_terminal_writer().line(f"SEED={seed}")


@pytest.fixture
def dice(pytestconfig: pytest.Config) -> random.Random:
    """Chance that the run's seed decides, for each test alone."""
    return random.Random(pytestconfig.stash[_SEED])
