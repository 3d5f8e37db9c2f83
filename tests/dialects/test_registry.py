"""What every wire API must bring along: a forgotten piece fails here by name."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import onema.channels
import onema.dialects
from onema.dialects.contract import Dialect
from onema.domain.configuration import documents as doc
from onema.settings import Settings
from onema.wiring.carriers import CARRIER_TYPES
from onema.wiring.installation import DIALECTS, problems_of
from onema.wiring.server import build_dialects

from .running_core import RunningCore
from .test_shared_security import VENDORS

FOLDER = Path(onema.dialects.__file__).parent
PAGES = Path(__file__).parents[2] / "docs" / "vendors"
FILES = {"routes.py", "wire.py", "auth.py", "credentials.py", "errors.py", "callbacks.py", "DIVERGENCES.md"}


@pytest.fixture
def registry(core: RunningCore) -> Sequence[Dialect]:
    return build_dialects(core.gateway, core.storage, Settings())


def test_every_folder_is_a_registered_dialect(registry: Sequence[Dialect]) -> None:
    """And the other way round, each with the same files."""
    folders = {path.name: path for path in FOLDER.iterdir() if (path / "__init__.py").exists()}
    assert {dialect.name for dialect in registry} == set(folders)
    assert {name: FILES - {file.name for file in path.iterdir()} for name, path in folders.items()} == {
        name: set() for name in folders
    }


def test_every_operation_is_in_the_page_of_its_dialect(registry: Sequence[Dialect]) -> None:
    """docs/vendors is where integrators look; each dialect has a page there."""
    pages = {dialect.name: PAGES / f"{dialect.name}.md" for dialect in registry}
    assert [name for name, page in pages.items() if not page.exists()] == []
    missing = {
        name
        for dialect in registry
        for name in dialect.operations
        if name.lower() not in pages[dialect.name].read_text().lower()
    }
    assert missing == set()


def test_every_dialect_looks_at_its_credentials(registry: Sequence[Dialect]) -> None:
    """Whoever saves one hears what its dialect asks for, and of a dialect that there is not."""
    assert {dialect.name for dialect in registry} == set(DIALECTS)
    (problem,) = problems_of(doc.Credential(account="acme", dialect="esmz", key="K", secret="S"))
    assert (problem.place, problem.closest) == ("dialect", "esms")


def test_every_type_of_carrier_looks_at_its_documents() -> None:
    """Each is a folder, and is asked before a carrier is stored."""
    folders = Path(onema.channels.__file__).parent
    assert {path.name for path in folders.iterdir() if (path / "carrier.py").exists()} == set(CARRIER_TYPES)
    (problem,) = problems_of(doc.Carrier(name="phone", type="handset", seats=1, per_second=2))
    assert problem.place == "per_second"


def test_every_dialect_is_attacked(registry: Sequence[Dialect]) -> None:
    """The shared security cases run for all of them."""
    assert {vendor.name for vendor in VENDORS} == {dialect.name for dialect in registry}


def test_no_two_dialects_share_a_path(registry: Sequence[Dialect]) -> None:
    """Nor take one of the server's own."""
    segments = [segment for dialect in registry for segment in dialect.path_segments]
    assert len(segments) == len({*segments} - {"health", "metrics", "handset", "login", "logout", "static"})
