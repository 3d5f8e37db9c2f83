import pytest

from onema.domain.records import TopUp, Wallet
from onema.storage.contract import DataRejected
from onema.testing.conformance.storage import insert

from .conftest import OpenStorage


@pytest.mark.parametrize("text", ["zero \0 byte", "half a pair \ud800"], ids=["NUL", "unpaired surrogate"])
async def test_text_that_postgresql_cannot_hold_is_refused(open_storage: OpenStorage, text: str) -> None:
    """It is the data's fault, and the store goes on."""
    storage = await open_storage()
    with pytest.raises(DataRejected):
        await insert(storage, TopUp(1, text, 1, 1))
    with pytest.raises(DataRejected):
        await insert(storage, Wallet(1, 1 << 63), batch=2)
    await insert(storage, Wallet(1, 5), batch=3)


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
    rows = [TopUp(1, text, number, 1) for number, text in enumerate(texts)]
    await insert(storage, *rows)
    keys = [row.key for row in rows]
    assert await storage.read(keys) == {row.key: row for row in rows}
    assert await storage.begin(keys) == {row.key: row for row in rows}
    await storage.commit(
        2, dict.fromkeys(keys[:3]) | {row.key: TopUp(1, row.reference, 0, 2) for row in rows[3:]}, ()
    )
    assert await storage.read(keys) == {row.key: TopUp(1, row.reference, 0, 2) for row in rows[3:]}
