"""A type of carrier for tests, with settings of every shape, which makes RecordingCarriers."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from onema.channels.contract import Carrier
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, settings_of
from onema.domain.configuration.problems import Problem, shown
from onema.secret import Secret
from onema.testing.recording_carrier import RecordingCarrier
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, Surroundings

RECORDING = "recording"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Tls(CarrierSettings, frozen=True, kw_only=True):
    certificate_file: Annotated[str, Meta(description="PEM file on the server's machine.")]
    key_password: Annotated[Secret, Meta(description="What its key is encrypted with.")] = Secret()


class Header(CarrierSettings, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, description="What it is called.")]
    value: Annotated[Secret, Meta(description="What it says.")]


class Settings(CarrierSettings, frozen=True, kw_only=True):
    host: Annotated[str, Meta(min_length=1, max_length=253, description="Whom to connect to.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="On which port.")] = 2775
    password: Annotated[Secret, Meta(description="Shown to that host only.")]
    mode: Annotated[Literal["both", "send"], Meta(description="What a connection is for.")] = "both"
    pause: Annotated[float, Meta(ge=0, description="Seconds between two connections.")] = 1.0
    verify: Annotated[bool, Meta(description="Look at its certificate.")] = True
    tls: Annotated[Tls | None, Meta(description="Encrypt the connection.")] = None
    headers: Annotated[tuple[Header, ...], Meta(max_length=5, description="Sent with every message.")] = ()
    keys: Annotated[tuple[Secret, ...], Meta(description="Tried one after the other.")] = ()


def _problems(carrier: doc.Carrier) -> Iterator[Problem]:
    if not settings_of(Settings, carrier).password:
        yield Problem("settings.password", "it must not be empty")


def _check(carrier: doc.Carrier) -> Iterator[Problem]:
    settings = settings_of(Settings, carrier)
    if not _HOST.fullmatch(settings.host):
        yield Problem("settings.host", f"{shown(settings.host)} is no host")
    if settings.tls and not Path(settings.tls.certificate_file).is_file():
        place = "settings.tls.certificate_file"
        yield Problem(place, f"there is no file {shown(settings.tls.certificate_file)} on this machine")


@contextlib.contextmanager
def recording_type() -> Iterator[dict[str, RecordingCarrier]]:
    """Register the type for a while. The carriers that were made of documents, by their names, the newest of each."""
    made: dict[str, RecordingCarrier] = {}

    def make(document: doc.Carrier, around: Surroundings) -> Carrier:
        carrier = made[document.name] = RecordingCarrier(document.name)
        return carrier

    CARRIER_TYPES[RECORDING] = CarrierType(make, Settings, _problems, check=_check)
    try:
        yield made
    finally:
        del CARRIER_TYPES[RECORDING]
