"""The example of docs/adding-a-channel.md is a carrier."""

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.channels.contract import Webhook
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload, SmsPayload
from onema.domain.values.phone import Phone
from onema.http.messages import Request
from onema.testing.conformance.carrier import CarrierConformance, FarEnd, Sink
from onema.wiring import carriers as registry
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, problems_of

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-channel.md"
TOKEN = "a token"


def document(folder: Path, **fields: Any) -> doc.Carrier:
    return doc.Carrier(
        name="spool", type="folder", settings={"folder": str(folder), "token": TOKEN}, **fields
    )


@pytest.fixture(autouse=True)
def folder_type() -> Iterator[CarrierType]:
    """The page's code, run as it stands there, and its entry in the registry's own module, which takes no name there:
    one that hides the registry's `problems_of` has every document pass.
    """
    carrier, entry = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module, package = (
        types.ModuleType("onema.channels.folder.carrier"),
        types.ModuleType("onema.channels.folder"),
    )
    package.__dict__["carrier"] = module
    before = dict(vars(registry))
    with pytest.MonkeyPatch.context() as patched:
        for one in (module, package):
            patched.setitem(sys.modules, one.__name__, one)
        exec(compile(carrier, str(PAGE), "exec"), vars(module))  # our own page
        try:
            exec(compile(entry, str(PAGE), "exec"), vars(registry))
            assert before.items() <= vars(registry).items()
            yield CARRIER_TYPES["folder"]
        finally:
            vars(registry).pop("folder", None)
            CARRIER_TYPES.pop("folder", None)


class Folder(FarEnd):
    """Behind the carrier: the folder."""

    def __init__(self, carrier_type: CarrierType, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.carrier = carrier_type.make(document(folder), None)  # type: ignore[arg-type]  # it needs no surroundings
        made = carrier_type.webhook
        assert made is not None
        self._webhook = made(document(folder), self.receipts)

    def payload(self, ending: OutcomeKind) -> Payload | None:
        if ending is OutcomeKind.PERMANENT:
            return CallPayload(Phone("+84901888484"), "", "en", "4711", None, 1, 1.0, 60, 0)
        if ending is OutcomeKind.SUBMITTED:
            return SmsPayload(Phone("+84901888484"), "Acme", "482913 is your code", 0)
        return None

    def left(self) -> int:
        return sum(1 for _ in self._folder.iterdir())

    async def report(self, reference: str, word: OutcomeKind) -> bool:
        if word not in (OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED):
            return False
        request = reported(reference, word.value.encode())
        while (await self._webhook(request)).status != 200:
            pass
        return True


def reported(reference: str, query: bytes = b"delivered", token: str = TOKEN) -> Request:
    headers = ((b"authorization", f"Bearer {token}".encode()),)
    return Request("POST", "/carriers/spool/", query, headers, reference.encode(), "203.0.113.9")


class TestExample(CarrierConformance):
    @pytest.fixture
    async def far_end(self, folder_type: CarrierType, tmp_path: Path) -> FarEnd:
        return Folder(folder_type, tmp_path / "spool")


def test_the_example_refuses_what_it_cannot_honour(tmp_path: Path) -> None:
    """A pace, and a setting that there is not."""
    assert list(problems_of(document(tmp_path))) == []
    assert [problem.place for problem in problems_of(document(tmp_path, capacity=1, per_second=1))] == [
        "per_second"
    ]


async def test_the_example_s_webhook_believes_only_its_token(
    folder_type: CarrierType, tmp_path: Path
) -> None:
    """Reports, refuses, and lets the carrier come back."""
    sink = Sink()
    assert folder_type.webhook is not None
    webhook: Webhook = folder_type.webhook(document(tmp_path), sink)
    assert (await webhook(reported("7-1", token="another"))).status == 403
    sink.refuses = 1
    assert [(await webhook(reported("7-1"))).status for _ in range(2)] == [503, 200]
    assert [one.reference for one in sink.heard] == ["7-1"]
