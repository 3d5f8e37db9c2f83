import pytest

from onema.domain.audit import AuditEntry
from onema.domain.door_rows import Invitation
from onema.domain.ids import AccountId
from onema.domain.records import CarrierReference, DeadJob, Job, TopUp, Wallet
from onema.domain.tables import TABLES
from onema.domain.values.money import Minor
from onema.storage.contract import DataRejected
from onema.testing.conformance.storage import insert
from onema.testing.postgres_server import PostgresServer

from .conftest import OpenStorage

PRIMARY_KEY = """
    SELECT attname FROM pg_index, unnest(indkey) WITH ORDINALITY AS part (number, place)
    JOIN pg_attribute ON attnum = part.number
    WHERE indisprimary AND indrelid = '{table}'::regclass AND attrelid = indrelid ORDER BY place
"""


@pytest.mark.parametrize("text", ["zero \0 byte", "half a pair \ud800"], ids=["NUL", "unpaired surrogate"])
async def test_text_that_postgresql_cannot_hold_is_refused(open_storage: OpenStorage, text: str) -> None:
    """It is the data's fault, and the store goes on."""
    storage = await open_storage()
    with pytest.raises(DataRejected):
        await insert(storage, TopUp(AccountId(1), text, 1, Minor(1)))
    with pytest.raises(DataRejected):
        await insert(storage, Wallet(AccountId(1), Minor(1 << 63)), batch=2)
    await insert(storage, Wallet(AccountId(1), Minor(5)), batch=3)


async def test_any_other_text_reads_back_as_it_was(open_storage: OpenStorage) -> None:
    """Quotes, braces, backslashes, nothing, NULL, and what is not ASCII."""
    storage = await open_storage()
    texts = [
        '"',
        "\\",
        "{a,b}",
        "",
        "NULL",
        "null",
        " ",
        "\n\r\t",
        "mã xác thực",
        "验证码",
        "😀",
        'a\\"b,c',
        "\x01\x7f",
    ]
    rows = [TopUp(AccountId(1), text, number, Minor(1)) for number, text in enumerate(texts)]
    await insert(storage, *rows)
    keys = [row.key for row in rows]
    assert await storage.read(keys) == {row.key: row for row in rows}
    assert await storage.begin(keys) == {row.key: row for row in rows}
    await storage.commit(
        2,
        dict.fromkeys(keys[:3])
        | {row.key: TopUp(AccountId(1), row.reference, 0, Minor(2)) for row in rows[3:]},
        (),
    )
    assert await storage.read(keys) == {
        row.key: TopUp(AccountId(1), row.reference, 0, Minor(2)) for row in rows[3:]
    }


async def test_an_account_s_data_is_found_by_the_account(
    open_storage: OpenStorage, server: PostgresServer, database: str
) -> None:
    """Every primary key starts with it, so that the tables can be distributed by it. Jobs are found by their time,
    dead ones too, and receipts by the carrier's reference; invitations by what stands in their link, and what was
    changed by hand by its order, whatever account it is about.
    """
    await open_storage()
    keys = {
        row_type: server.sql(PRIMARY_KEY.format(table=row_type.table), database).splitlines()
        for row_type in TABLES
    }
    assert keys == {row_type: list(row_type.__struct_fields__[: row_type.key_columns]) for row_type in TABLES}
    others = {row_type for row_type, columns in keys.items() if columns[0] != "account"}
    assert {row_type for row_type in others if "account" in row_type.__struct_fields__} == {
        Job,
        CarrierReference,
        DeadJob,
        AuditEntry,
        Invitation,
    }
