"""The driver's and the server's errors, in the contract's words."""

import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker

from onema.storage.contract import Conflict, DataRejected, Outdated, StorageError, Unavailable
from onema.storage.postgres.wire import ServerError

DRIVER_ERRORS: tuple[type[Exception], ...] = (
    ServerError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    # Values that cannot be encoded: most come wrapped, those of COPY come as they are.
    ValueError,
    OverflowError,
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html, looked at for version 15.
_REPLAYED = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available in lock_timeout
        # "cached plan must not change result type": a migration has changed a table since the statement was
        # prepared. The code means any feature that is not supported, but no statement of ours asks for another.
        "0A000",
    }
)
_LINK_IS_USELESS = frozenset(
    {
        "08",  # connection exceptions
        "57",  # shut down, crashed, starting up, cancelled by an operator
    }
)
_READ_ONLY = "25006"
# statement_completion_unknown, should the server or a proxy before it say so.
_OUTCOME_UNKNOWN = "40003"
_UNIQUE_VIOLATION = "23505"
# division_by_zero: no statement of ours divides but those that look for a fence.
_BEHIND_A_FENCE = "22012"


def sqlstate(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


def link_is_useless(error: BaseException) -> bool:
    """Whether the connection must be made anew: it broke, or its server is no longer the one that may write."""
    state = sqlstate(error)
    if not state:
        return not _is_bad_argument(error)
    return state[:2] in _LINK_IS_USELESS or state == _READ_ONLY


def commit_is_unknown(error: BaseException) -> bool:
    """Whether an error that answers COMMIT leaves open what the server did. Any other answer is a no."""
    return link_is_useless(error) or sqlstate(error) == _OUTCOME_UNKNOWN


def is_duplicate(error: BaseException) -> bool:
    return sqlstate(error) == _UNIQUE_VIOLATION


def translated(error: BaseException) -> StorageError:
    """What a batch that failed before its COMMIT raises."""
    state = sqlstate(error)
    if state in _REPLAYED:
        return Conflict(str(error))
    if state == _BEHIND_A_FENCE:
        return Outdated("the configuration that it was decided with may not be used any more")
    if state[:2] in ("22", "23") or _is_bad_argument(error):
        return DataRejected(str(error))
    return Unavailable(f"the store cannot be used: {described(error)}")


def described(error: BaseException) -> str:
    """What an error says. A timeout says nothing, so it is named."""
    return str(error) or type(error).__name__


def _is_bad_argument(error: BaseException) -> bool:
    """A value that the driver could not even encode: an integer beyond 64 bits, an unpaired surrogate."""
    return isinstance(error, ValueError | OverflowError) and not isinstance(
        error, asyncpg.ClientConfigurationError
    )
