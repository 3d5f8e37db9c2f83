"""What each of PostgreSQL's errors means to a batch. https://www.postgresql.org/docs/15/errcodes-appendix.html"""

import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker
import pytest

from onema.storage.contract import Conflict, DataRejected, StorageError, Unavailable
from onema.storage.postgres.errors import commit_is_unknown, is_duplicate, link_is_useless, translated
from onema.storage.postgres.pipeline import LinkLost
from onema.storage.postgres.wire import ServerError


def refused(sqlstate: str) -> ServerError:
    return ServerError(sqlstate, "the server's words")


@pytest.mark.parametrize(
    ("error", "meaning", "is_link_useless", "is_commit_open"),
    [
        pytest.param(refused("40001"), Conflict, False, False, id="serialization failure"),
        pytest.param(refused("40P01"), Conflict, False, False, id="deadlock"),
        pytest.param(refused("55P03"), Conflict, False, False, id="lock not available in time"),
        pytest.param(refused("0A000"), Conflict, False, False, id="plan outdated by a migration"),
        pytest.param(refused("22003"), DataRejected, False, False, id="number out of range"),
        pytest.param(refused("22021"), DataRejected, False, False, id="character not in the encoding"),
        pytest.param(refused("23502"), DataRejected, False, False, id="not-null violation"),
        pytest.param(refused("23505"), DataRejected, False, False, id="unique violation"),
        pytest.param(ValueError("half a pair"), DataRejected, False, False, id="text without an encoding"),
        pytest.param(OverflowError("65 bits"), DataRejected, False, False, id="number without an encoding"),
        pytest.param(refused("42P01"), Unavailable, False, False, id="undefined table"),
        pytest.param(refused("53100"), Unavailable, False, False, id="disk full"),
        pytest.param(refused("40003"), Unavailable, False, True, id="statement completion unknown"),
        pytest.param(refused("25006"), Unavailable, True, True, id="read-only transaction"),
        pytest.param(refused("08006"), Unavailable, True, True, id="connection failure"),
        pytest.param(refused("08P01"), Unavailable, True, True, id="protocol violation"),
        pytest.param(refused("57014"), Unavailable, True, True, id="query canceled"),
        pytest.param(refused("57P01"), Unavailable, True, True, id="admin shutdown"),
        pytest.param(refused("57P02"), Unavailable, True, True, id="crash shutdown"),
        pytest.param(refused("57P03"), Unavailable, True, True, id="cannot connect now"),
        pytest.param(LinkLost("reset by peer"), Unavailable, True, True, id="link lost"),
        pytest.param(TimeoutError(), Unavailable, True, True, id="no answer in time"),
        pytest.param(
            asyncpg.ClientConfigurationError("no such host"), Unavailable, True, True, id="DSN not understood"
        ),
    ],
)
def test_an_error_is_the_batch_s_the_data_s_or_the_link_s(
    error: Exception, meaning: type[StorageError], is_link_useless: bool, is_commit_open: bool
) -> None:
    """A batch that lost is decided again, bad data is refused alone, and a link that cannot write is made anew. Only an
    answer of a server that goes on says that a COMMIT did not happen: the rest is looked up before it is repeated.
    """
    assert type(translated(error)) is meaning
    assert link_is_useless(error) is is_link_useless
    assert commit_is_unknown(error) is is_commit_open


def test_only_a_unique_violation_says_that_somebody_was_faster() -> None:
    """Any other constraint is broken by the data alone."""
    assert is_duplicate(refused("23505"))
    assert not any(map(is_duplicate, (refused("23502"), refused("40001"), LinkLost("reset"))))


def test_an_error_without_words_is_named() -> None:
    """A timeout has none, and a log that ends in a colon tells nobody why the store is away."""
    assert str(translated(TimeoutError())) == "the store cannot be used: TimeoutError"
    assert str(translated(OSError("no route"))) == "the store cannot be used: no route"
