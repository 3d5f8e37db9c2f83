"""Tables as files for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence

_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # full-width ones count in East Asia
"""https://owasp.org/www-community/attacks/CSV_Injection"""


def not_computed(text: str) -> str:
    """What somebody else wrote, as a cell. A spreadsheet would compute what begins so, also behind tabs and spaces."""
    return f"'{text}" if text.lstrip().startswith(_COMPUTED) else text


def csv_of(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
