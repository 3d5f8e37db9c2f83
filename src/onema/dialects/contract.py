from collections.abc import Collection, Mapping
from typing import Protocol

from onema.delivery.callback_contract import CallbackRenderer
from onema.domain.refusals import Refusal
from onema.http.application import WireApi


class Dialect(WireApi, Protocol):
    """One vendor's wire API, as wiring registers it. docs/adding-a-dialect.md tells how one is made."""

    @property
    def operations(self) -> Collection[str]:
        """What is served, by path or its last part, in any case: docs/vendors has a section about each."""

    @property
    def refusals(self) -> Mapping[Refusal, object]:
        """The vendor's own error for every member of Refusal."""

    @property
    def callbacks(self) -> CallbackRenderer | None:
        """How messages of this dialect are reported; None where the vendor has no callbacks."""
