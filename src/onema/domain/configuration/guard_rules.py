"""What the guard looks for, under which names, and what it may do about it.

The reasons are the names of Prelude's risk factors (https://docs.prelude.so, SDK 0.16.0 of 2026-10), where they mean
the same: the only published list of this field.
"""

import enum


class Mode(enum.StrEnum):
    """What follows when a rule finds something, the mildest first."""

    OFF = "off"
    RECORD = "record"
    """The message goes out, and what was found is written down with it."""
    CHALLENGE = "challenge"
    """It goes out only for who has solved a challenge."""
    BLOCK = "block"


ENFORCED = (Mode.CHALLENGE, Mode.BLOCK)
SEVERITY = {mode: severity for severity, mode in enumerate(Mode)}


class Reason(enum.StrEnum):
    CUSTOM_POLICY = "custom_policy"
    REPEATED_ATTEMPTS = "repeated_attempts"
    IP_CONCENTRATION = "ip_concentration"
    DEVICE_REUSE = "device_reuse"
    LOCATION_MISMATCH = "location_mismatch"
    NUMBER_RANGE_ABUSE = "number_range_abuse"
    POOR_CONVERSION_HISTORY = "poor_conversion_history"
    FRAUD_DATABASE = "fraud_database"


class Rule(enum.StrEnum):
    """One thing that the guard looks for."""

    COUNTRIES = "countries"
    """The number's country is not on the list."""
    PRICE = "price"
    """The message costs more than the ceiling."""
    PURSES = "purses"
    """A number that was verified here has used up its own small limit."""
    COUNTRY_BUDGET = "country_budget"
    """Too many codes for this country that nobody typed in."""
    ADDRESS_BUDGET = "address_budget"
    """The same, from this address or its network."""
    ADDRESS_COUNTRIES = "address_countries"
    """One network asks for numbers of many countries, none of which it has verified."""
    ADDRESS_MISMATCH = "address_mismatch"
    """The address is in another country than the number."""
    LANDLINE = "landline"
    """An SMS to a fixed-line number, which most cannot show."""
    NUMBER_RANGE = "number_range"
    """Numbers beside each other, one after the other."""
    CONVERSION = "conversion"
    """Codes for this prefix are typed in much less often than they were."""
    CALLS = "calls"
    """Calls to this prefix are answered and hung up at once, again and again, or cost more than they may."""
    CARRIERS = "carriers"
    """Carriers took messages to this prefix for fraud."""
    LIMITS = "limits"
    """A limit of the operator's own is full."""


REASONS = {
    Rule.COUNTRIES: Reason.CUSTOM_POLICY,
    Rule.PRICE: Reason.CUSTOM_POLICY,
    Rule.PURSES: Reason.REPEATED_ATTEMPTS,
    Rule.COUNTRY_BUDGET: Reason.POOR_CONVERSION_HISTORY,
    Rule.ADDRESS_BUDGET: Reason.IP_CONCENTRATION,
    Rule.ADDRESS_COUNTRIES: Reason.IP_CONCENTRATION,
    Rule.ADDRESS_MISMATCH: Reason.LOCATION_MISMATCH,
    Rule.LANDLINE: Reason.CUSTOM_POLICY,
    Rule.NUMBER_RANGE: Reason.NUMBER_RANGE_ABUSE,
    Rule.CONVERSION: Reason.POOR_CONVERSION_HISTORY,
    Rule.CALLS: Reason.NUMBER_RANGE_ABUSE,
    Rule.CARRIERS: Reason.FRAUD_DATABASE,
    Rule.LIMITS: Reason.REPEATED_ATTEMPTS,
}
"""Why each rule's finding is one; a limit per device or address has its own reason (guard/own_limits.py)."""
