"""What every administrative request is."""

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

A_co = TypeVar("A_co", covariant=True)


class Request(msgspec.Struct, Generic[A_co], frozen=True, kw_only=True, tag_field="request"):
    """A question or an order; A_co is its answer, which comes over the wire as `answer_type`."""

    answer_type: ClassVar[Any]
