"""The hosts of a DSN, each of which gets a connection attempt of its own."""

import pytest

from onema.storage.contract import Unavailable
from onema.storage.postgres.dsn import each_host
from onema.storage.postgres.link import connect


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


@pytest.mark.parametrize(
    ("written", "driven"),
    [
        ("connect_timeout=5&sslmode=require", "?sslmode=require"),
        ("keepalives=1&keepalives_idle=30&tcp_user_timeout=1000&gssencmode=disable", ""),
        ("sslmode=require&channel_binding=prefer", "?sslmode=require"),
        ("sslmode=verify-full&channel_binding=require", "?sslmode=verify-full"),
        ("options=endpoint%3Dcool%20db", "?options=endpoint%3Dcool%20db"),
        ("sslmode=", ""),
    ],
)
def test_words_that_only_libpq_knows_are_left_out(written: str, driven: str) -> None:
    """The driver would send them to the server as settings: `unrecognized configuration parameter`."""
    assert each_host(f"postgresql://u@db1/onema?{written}") == {"db1": f"postgresql://u@db1/onema{driven}"}


def test_channel_binding_is_not_given_up_in_silence() -> None:
    """Nobody who demands it may be connected without; what does the same is named."""
    with pytest.raises(ValueError, match="sslmode=verify-full"):
        each_host("postgresql://u@db1/onema?sslmode=require&channel_binding=require")


def test_an_at_sign_in_a_password_is_understood() -> None:
    """The last one ends the login."""
    assert each_host("postgresql://u:p@ss@db1/onema") == {"db1": "postgresql://u:p%40ss@db1/onema"}


@pytest.mark.parametrize(
    "password", ["o1:hunter/2", "hunter/2", "hunter?2", "hunter#2", "12/hunter", "hun[ter", "a?b=hunter"]
)
async def test_a_password_that_a_url_cannot_hold_is_not_shown(password: str) -> None:
    """Whoever reads the log must not learn the half of it; the sentence says how to write it."""
    with pytest.raises(Unavailable, match="/ as %2F") as refused:
        await connect(f"postgresql://onema:{password}@db1/onema", "test")
    assert "hunt" not in str(refused.value)


def test_a_port_that_is_none_is_said_so() -> None:
    """Without a login there is no password to blame."""
    with pytest.raises(ValueError, match="a port is not a number"):
        each_host("postgresql://db1:abc/onema")
