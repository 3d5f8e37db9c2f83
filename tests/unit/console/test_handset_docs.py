import re
from pathlib import Path

import msgspec

from onema.console.handset.items import Item, Ring
from onema.console.handset.routes import scripted_numbers

DOCUMENT = (Path(__file__).parents[3] / "docs" / "handset.md").read_text("utf-8")


def test_the_documents_table_of_scripted_numbers_is_the_codes() -> None:
    """Every script in both countries, in order, word for word."""
    documented = re.findall(r"^\| `(\d+)` \| `(\d+)` \| (.+) \|$", DOCUMENT, re.M)
    coded = [(*(national for _, national in row.numbers), row.script) for row in scripted_numbers()]
    assert documented == coded


def test_every_member_of_a_message_is_documented() -> None:
    """The table of members is the struct."""
    documented = re.findall(r"^\| `(\w+)` \|", DOCUMENT.split("| member |")[1].split("\n\n")[0], re.M)
    assert documented == [field.encode_name for field in msgspec.structs.fields(Item)]


def test_every_member_of_a_call_event_is_documented() -> None:
    """As they are listed beside the event."""
    (line,) = re.findall(r"^\| `call` \|.*$", DOCUMENT, re.M)
    for field in msgspec.structs.fields(Ring):
        assert f"`{field.encode_name}`" in line
