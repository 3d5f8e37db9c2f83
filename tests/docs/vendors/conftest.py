from collections.abc import Iterator

import pytest

from onema.testing.running_server import RunningServer


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The demo, whose accounts the samples use."""
    with RunningServer(tmp_path_factory.mktemp("samples") / "data", "demo") as server:
        yield server
