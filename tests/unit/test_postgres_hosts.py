"""The hosts of a DSN, each of which gets a connection attempt of its own."""

import pytest

from onema.storage.contract import Unavailable
from onema.storage.postgres.link import connect, each_host


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql:///onema", {"": "postgresql:///onema"}),
        ("postgresql:///onema?port=6000", {"": "postgresql:///onema?port=6000"}),
        ("postgresql://u:p%40,@db1/onema?a=b", {"db1": "postgresql://u:p%40,@db1/onema?a=b"}),
        (
            "postgresql://u@db1:5433,db2/onema",
            {"db1:5433": "postgresql://u@db1:5433/onema", "db2": "postgresql://u@db2/onema"},
        ),
        (
            "postgresql://[::1]:5433,[::2]:5434/onema",
            {"[::1]:5433": "postgresql://[::1]:5433/onema", "[::2]:5434": "postgresql://[::2]:5434/onema"},
        ),
        (
            "postgresql://u@/onema?host=/run/pg&port=5433",
            {"/run/pg:5433": "postgresql://u@/onema?host=%2Frun%2Fpg&port=5433"},
        ),
        (
            "postgresql://u@/onema?host=db1,db2&port=5433,5434&sslmode=require",
            {
                "db1:5433": "postgresql://u@/onema?host=db1&port=5433&sslmode=require",
                "db2:5434": "postgresql://u@/onema?host=db2&port=5434&sslmode=require",
            },
        ),
        (
            "postgresql://u@/onema?host=db1,db2&port=5433",
            {
                "db1:5433": "postgresql://u@/onema?host=db1&port=5433",
                "db2:5433": "postgresql://u@/onema?host=db2&port=5433",
            },
        ),
    ],
)
def test_every_host_has_a_dsn_of_its_own(dsn: str, hosts: dict[str, str]) -> None:
    """With the ports, the login and the options that the whole DSN gives it."""
    assert each_host(dsn) == hosts


async def test_a_dsn_that_fits_nothing_together_is_refused() -> None:
    """In words, as every other DSN that leads nowhere."""
    with pytest.raises(Unavailable, match="3 ports for 2 hosts"):
        await connect("postgresql:///onema?host=a,b&port=1,2,3", "test")


async def test_every_host_that_refuses_is_named() -> None:
    """Which of them is down and which has another password is what one wants to know."""
    with pytest.raises(Unavailable, match=r"(?s)127\.0\.0\.1:1: .*; 127\.0\.0\.2:1: "):
        await connect("postgresql://u@127.0.0.1:1,127.0.0.2:1/onema", "test")
