import os
import random

import pytest


@pytest.fixture
def dice() -> random.Random:
    """Chance that the run's seed decides, for each test alone."""
    return random.Random(int(os.environ["SEED"]))
