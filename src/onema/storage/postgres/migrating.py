import contextlib

from onema.storage.contract import StorageError, Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import connect
from onema.storage.statements import migrations, named_statements

_LOCK = 0x6F6E656D61  # "onema" in ASCII


async def migrate(dsn: str) -> None:
    """Bring the schema up to date; of many nodes that start together, one does and the others wait.

    Each migration is one transaction. Raises StorageError when the schema is newer than this version knows.
    """
    queries = named_statements("postgres.sql")
    connection = await connect(dsn, "onema migrate")
    try:
        await connection.execute("SET lock_timeout = '60s'")
        await connection.fetch("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(queries["schema_version_table"])
        version = await connection.fetchval(queries["schema_version"])
        known = migrations("postgres")
        if version > known[-1][0]:
            raise StorageError(f"the store has schema {version}, newer than this version's {known[-1][0]}")
        for number, script in known:
            if number > version:
                await connection.execute("BEGIN")
                await connection.execute(script)
                await connection.execute(queries["migration_applied"], number)
                await connection.execute("COMMIT")
    except DRIVER_ERRORS as error:
        raise Unavailable(f"the schema could not be brought up to date: {error}") from error
    finally:
        with contextlib.suppress(*DRIVER_ERRORS):
            await connection.close(timeout=5.0)
