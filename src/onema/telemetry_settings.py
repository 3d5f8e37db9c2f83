"""The settings of what is told to other programs about the work done here."""

from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta


class Telemetry(msgspec.Struct, frozen=True):
    traces: Annotated[
        str,
        Meta(
            description="Where traces go by OTLP over HTTP, such as `http://collector:4318/v1/traces`; needs the extra "
            "`otel`. Empty: there are none."
        ),
    ] = ""

    @property
    def fault(self) -> str:
        """What is wrong with them, as a sentence for the operator; or ""."""
        if not self.traces:
            return ""
        parts = urlsplit(self.traces)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            return (
                "`telemetry.traces` is an address such as `http://collector:4318/v1/traces`; what a collector wants "
                "besides stands in OTEL_EXPORTER_OTLP_HEADERS."
            )
        if not _can_trace():
            return "`telemetry.traces` needs OpenTelemetry: pip install 'onema[otel]'."
        return ""


def _can_trace() -> bool:
    try:
        return find_spec("opentelemetry.sdk") is not None and bool(
            find_spec("opentelemetry.exporter.otlp.proto.http")
        )
    except ModuleNotFoundError:
        return False
