import contextlib

from onema.storage.contract import Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS, described
from onema.storage.postgres.link import connect
from onema.storage.statements import Migrations, migrations, named_statements, refuse_to_work_on

_LOCK = 0x6F6E656D61  # "onema" in ASCII


async def migrate(dsn: str, known: Migrations | None = None) -> int:
    """Bring the schema up to date; of many nodes that start together, one does and the others wait. Its number.

    Each migration is one transaction. `known` is what this version knows. A newer schema is left as it is; raises
    StorageError when that does not work with this version.
    """
    known = known or migrations("postgres")
    queries = named_statements("postgres.sql")
    connection = await connect(dsn, "onema migrate")
    try:
        # A node that waits for another's migration waits for this lock; and a migration itself for the batches
        # of nodes that still run the version before.
        await connection.execute("SET lock_timeout = '60s'")
        await connection.fetch("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(queries["schema_version_table"])
        version = await connection.fetchval(queries["schema_version"])
        if version > known[-1].number:
            refuse_to_work_on(version, await connection.fetchval(queries["works_from"]), known[-1].number)
        for migration in known:
            if migration.number > version:
                await connection.execute("BEGIN")
                await connection.execute(migration.script)
                await connection.execute(queries["migration_applied"], migration.number, migration.works_from)
                await connection.execute("COMMIT")
                version = migration.number
        return int(version)
    except DRIVER_ERRORS as error:
        raise Unavailable(f"the schema could not be brought up to date: {described(error)}") from error
    finally:
        with contextlib.suppress(*DRIVER_ERRORS):
            await connection.close(timeout=5.0)
