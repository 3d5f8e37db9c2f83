"""Every service of this program that makes codes, and the double of one, through the suite for them."""

import uuid
from collections.abc import Callable, Iterator
from itertools import count
from typing import ClassVar

import pytest

from onema.channels.own_codes import AskedCode, VerifyingCarrier
from onema.domain.values.phone import Phone
from onema.testing.conformance.verifying_carrier import PHONE, VerifyingCarrierConformance
from onema.testing.fake_clock import FakeClock
from onema.testing.running_server import RunningServer
from onema.testing.scripted_verifier import ScriptedVerifier
from onema.wiring.carriers import CARRIER_TYPES
from tests.verify_services import (
    SERVICES,
    VonageServer,
    camara_settings,
    shown_code,
    twilio_settings,
    verifier,
)


class TestScriptedVerifier(VerifyingCarrierConformance):
    @pytest.fixture
    def carrier(self) -> ScriptedVerifier:
        return ScriptedVerifier("service", FakeClock().now)

    @pytest.fixture
    def code_of(self, carrier: ScriptedVerifier) -> Callable[[str], str]:
        return carrier.code_of


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of ours, in the place of a vendor's."""
    with RunningServer(tmp_path_factory.mktemp("upstream") / "data", "demo") as server:
        yield server


class OnOneServer(VerifyingCarrierConformance):
    """Each test has phones of its own: the server counts wrong checks of a phone over all its codes."""

    tests: ClassVar = count(1)

    @pytest.fixture(autouse=True)
    def own_phones(self) -> None:
        self.number = next(self.tests)

    def asked(self, number: int, attempt: int = 1, phone: Phone = PHONE) -> AskedCode:
        return super().asked(number, attempt, Phone(f"{phone[:-4]}{int(phone[-4:]) + 10 * self.number:04d}"))


class TestTwilioVerify(OnOneServer):
    @pytest.fixture
    def carrier(self, upstream: RunningServer) -> VerifyingCarrier:
        return verifier("twilio_verify", twilio_settings(upstream))

    @pytest.fixture
    def code_of(self, upstream: RunningServer) -> Callable[[str], str]:
        return lambda reference: shown_code(upstream, int(reference.removeprefix("VE"), 16))


class TestCamara(OnOneServer):
    can_cancel = False

    @pytest.fixture
    def carrier(self, upstream: RunningServer) -> VerifyingCarrier:
        return verifier("camara", camara_settings(upstream))

    @pytest.fixture
    def code_of(self, upstream: RunningServer) -> Callable[[str], str]:
        return lambda reference: shown_code(upstream, uuid.UUID(reference).int)


class TestVonageVerify(VerifyingCarrierConformance):
    @pytest.fixture
    def service(self) -> Iterator[VonageServer]:
        with VonageServer() as service:
            yield service

    @pytest.fixture
    def carrier(self, service: VonageServer) -> VerifyingCarrier:
        return verifier("vonage_verify", service.settings())

    @pytest.fixture
    def code_of(self, service: VonageServer) -> Callable[[str], str]:
        return lambda reference: service.codes[reference]


def test_every_service_goes_through_the_suite() -> None:
    """Whoever adds one adds it here."""
    assert {name for name, one in CARRIER_TYPES.items() if one.own_codes} == set(SERVICES)
