import itertools

import pytest

from onema.testing.postgres_server import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture
def server(postgres_server: PostgresServer) -> PostgresServer:
    return postgres_server


@pytest.fixture
def database(server: PostgresServer) -> str:
    """The name of an empty database."""
    name = f"test_{next(_numbers)}"
    server.create_database(name)
    return name


@pytest.fixture
def dsn(server: PostgresServer, database: str) -> str:
    return server.dsn(database)
