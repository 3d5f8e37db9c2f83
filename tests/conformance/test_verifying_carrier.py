from collections.abc import Callable

import pytest

from onema.testing.conformance.verifying_carrier import VerifyingCarrierConformance
from onema.testing.fake_clock import FakeClock
from onema.testing.scripted_verifier import ScriptedVerifier


class TestScriptedVerifier(VerifyingCarrierConformance):
    @pytest.fixture
    def carrier(self) -> ScriptedVerifier:
        return ScriptedVerifier("service", FakeClock().now)

    @pytest.fixture
    def code_of(self, carrier: ScriptedVerifier) -> Callable[[str], str]:
        return carrier.code_of
