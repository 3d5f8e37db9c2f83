"""The files that bring a schema up to date."""

from pathlib import Path

import pytest

import onema.storage

FOLDER = Path(onema.storage.__file__).parent / "migrations"


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_migrations_are_numbered_without_gaps_and_each_once(engine: str) -> None:
    """Two that were written side by side under one number make a store that does not open."""
    numbers = [int(file.name.split("_")[0]) for file in sorted((FOLDER / engine).glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))
