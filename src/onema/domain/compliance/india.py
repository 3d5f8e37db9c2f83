"""India: what must be registered at DLT, and payments."""

import re
from collections.abc import Iterator

from onema.domain.compliance.banks import RBI, payments_by_code
from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.sender_checks import missing_facts, registered_templates
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration.problems import place_of

_TCCCPR = Source(
    "TRAI: Telecom Commercial Communications Customer Preference Regulations, 2018",
    "registration of entities, headers and templates (DLT)",
    "https://main.trai.gov.in/sites/default/files/RegulationUcc19072018.pdf",
    "read in vendors' guides",
)
_TEMPLATES = Source(
    _TCCCPR.name,
    "content templates",
    "https://docs.localmail.io/regulations/everything-to-know-about-dlt-india/frequenty-asked-questions",
    "a vendor's guide",
)
_CHAIN = Source(
    "TRAI: traceability of messages, chain of entity and telemarketers",
    "refused without a declared chain since December 2024",
    "https://www.voicendata.com/news/trai-extends-deadline-for-business-message-traceability-to-dec-1-7382984",
    "a magazine; vendors name 2024-12-11 as the day from which networks refused",
)
_ID = re.compile(r"[0-9]{1,20}")


def broken_chains(snapshot: Snapshot) -> Iterator[Fault]:
    """Chains that are not the ids of telemarketers alone, each once: the entity's id is put before them."""
    carriers = {
        one.registered["tm_chain"] for one in snapshot.carriers("sms", "+91") if "tm_chain" in one.registered
    }
    for template, facts in registered_templates(snapshot, "IN"):
        for chain in sorted({facts["tm_chain"]} if "tm_chain" in facts else carriers):
            ids = chain.split(",")
            if facts.get("entity_id") in ids or len(set(ids)) < len(ids) or not all(map(_ID.fullmatch, ids)):
                yield Fault(
                    f"{place_of(template)}.registered.tm_chain",
                    f"{chain!r} is no chain of telemarketers behind the entity",
                    "the ids of the telemarketers, first the own one, with commas; without entity_id",
                )


def texts_without_a_brand(snapshot: Snapshot) -> Iterator[Fault]:
    for template, facts in registered_templates(snapshot, "IN"):
        brand = facts.get("brand", template.brandname)
        if brand.casefold() not in template.text.casefold():
            yield Fault(
                place_of(template),
                f"its text does not name {brand!r}",
                'put the brand into the text, or say how it is spelled there: registered = { brand = "..." }',
            )


INDIA = Profile(
    name="in",
    title="India: DLT registrations (TRAI) and payments (RBI)",
    country="IN",
    checks=(
        Check(
            name="entity",
            asks="The sender's entity is registered, and its id goes with each text.",
            source=_TCCCPR,
            find=missing_facts("IN", "entity_id"),
        ),
        Check(
            name="template",
            asks="Each text is a registered template, and its id goes with it.",
            source=_TCCCPR,
            find=missing_facts("IN", "dlt_id"),
        ),
        Check(
            name="chain",
            asks="The chain from the entity to the network is declared.",
            source=_CHAIN,
            find=missing_facts("IN", "tm_chain"),
        ),
        Check(
            name="chain-form",
            asks="The chain is the telemarketers' ids in order; the entity's id is put before them.",
            source=_CHAIN,
            find=broken_chains,
        ),
        Check(
            name="brand-in-text",
            asks="The registered text names the brand.",
            source=_TEMPLATES,
            find=texts_without_a_brand,
        ),
        Check(
            name="headers",
            asks="Headers are registered, and those that are not used for 30 days are suspended.",
            source=_TCCCPR,
            whose="the customer, on a DLT portal",
        ),
        Check(
            name="payments",
            asks="A payment is confirmed by two factors, one of them made for this payment; a code by SMS may be one.",
            source=RBI,
            find=payments_by_code("IN"),
        ),
    ),
)
