"""PostgreSQL's messages and values as bytes; what a real server makes of them, tests/conformance shows."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.records import Row
from onema.domain.tables import TABLES
from onema.storage.postgres import binary_values
from onema.storage.postgres.binary_values import row_format
from onema.storage.postgres.row_statements import Save, save_kinds
from onema.storage.postgres.wire import Reader, message
from onema.testing.conformance.storage import sample

COPY_HEADER_BYTES = 19

ANSWERS = (
    message(b"D", b"\0\1first")
    + message(b"D", b"\0\1second")
    + message(b"C", b"SELECT 2\0")
    + message(b"N", b"SNOTICE\0C00000\0Mlook\0\0")
    + message(b"E", b"SERROR\0C23505\0Mduplicate key\0\0")
    + message(b"E", b"SERROR\0C25P02\0Mtransaction is aborted\0\0")
    + message(b"Z", b"E")
    + message(b"C", b"COMMIT\0")
    + message(b"Z", b"I")
)


@given(st.lists(st.integers(0, len(ANSWERS)), max_size=12).map(sorted))
def test_answers_are_understood_however_their_bytes_arrive(cuts: list[int]) -> None:
    """Rows belong to their statement, the first error counts, and each ReadyForQuery ends one exchange."""
    reader = Reader()
    ends = [0, *cuts, len(ANSWERS)]
    first, second = [
        answers for start, end in itertools.pairwise(ends) for answers in reader.feed(ANSWERS[start:end])
    ]
    assert first.rows == [[b"\0\1first", b"\0\1second"], []]
    assert first.error is not None
    assert (first.error.sqlstate, str(first.error)) == ("23505", "duplicate key")
    assert first.in_transaction
    assert (second.tag, second.error, second.in_transaction) == (b"COMMIT", None, False)


@pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.table)
def test_a_row_is_read_as_it_is_copied(row_type: type[Row]) -> None:
    """COPY and DataRow spell a row's columns alike."""
    rows = [sample(row_type, number) for number in (1, 2, 3)]
    for row in rows:
        assert row_format(row_type).row(row_format(row_type).copy([row])[COPY_HEADER_BYTES:]) == row
    alone = [row_format(row_type).copy([row])[COPY_HEADER_BYTES:-2] for row in rows]
    assert row_format(row_type).copy(rows)[COPY_HEADER_BYTES:-2] == b"".join(alone)


def test_values_without_a_form_are_refused() -> None:
    """Before anything of them is sent."""
    with pytest.raises(OverflowError):
        binary_values.array(int, [1, 1 << 63])
    with pytest.raises(ValueError, match="surrogates"):
        binary_values.array(str, ["half a pair \ud800"])
    with pytest.raises(OverflowError):
        binary_values.spelled_out([int], [[1 << 63]])
    with pytest.raises(ValueError, match="surrogates"):
        binary_values.spelled_out([int, str], [[1, "half a pair \ud800"]])


@pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.table)
def test_a_row_is_spelled_out_as_it_is_copied(row_type: type[Row]) -> None:
    """Every value with its length, in the order of the columns."""
    row = sample(row_type, 1)
    kinds = save_kinds(Save.INSERT, row_type)
    values = binary_values.spelled_out(kinds, [msgspec.structs.astuple(row)])
    assert b"".join(values) == row_format(row_type).copy([row])[COPY_HEADER_BYTES + 2 : -2]
