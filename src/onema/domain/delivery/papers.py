"""What a message can show to carriers that ask: the facts about it, and where its brandname is registered."""

from collections.abc import Mapping

import msgspec

from onema.domain.configuration.brandname_view import BrandnameView
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.needs import REGISTRATION
from onema.domain.values.phone import Phone, country_of


class Papers(msgspec.Struct, frozen=True, gc=False):
    """`brandname` is None for a sender that is none."""

    facts: Mapping[str, str]
    brandname: BrandnameView | None
    now: int

    def lacking(self, directory: Directory, carrier: str, phone: Phone) -> str:
        """Why the carrier would not take a message to `phone` with these; "" where it would."""
        must_be_registered = False
        for need in directory.needs.get(carrier, ()):
            if not phone.startswith(need.prefix):
                continue
            if need.fact == REGISTRATION:
                must_be_registered = True
            elif need.fact not in self.facts:
                return f"needs {need.fact}"
        brandname = self.brandname
        if brandname is None:
            return "needs a brandname" if must_be_registered else ""
        if not must_be_registered and not brandname.registrations:
            return ""
        return brandname.not_registered(country_of(phone), carrier, self.now, must_be=must_be_registered)


def papers_of(
    directory: Directory, brandname: BrandnameView | None, facts: Mapping[str, str], now: int
) -> Papers | None:
    """None where nobody asks, as in most installations."""
    if directory.needs or (brandname is not None and brandname.registrations):
        return Papers(facts, brandname, now)
    return None
