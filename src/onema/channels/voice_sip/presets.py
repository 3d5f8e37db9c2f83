"""What is publicly known of common trunks: defaults for settings that an operator does not write down.

Only what a vendor's own page says is here; what it leaves open keeps the usual default. docs/carriers/sip.md says how
to connect to each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PresetName = Literal["", "pbx", "plivo", "sipgate", "telnyx", "twilio", "voipms", "vonage"]


@dataclass(frozen=True)
class Preset:
    source: str
    """Where it is said."""
    says: str
    """What that page says, in short; what it does not say, too."""
    settings: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = {
    "pbx": Preset(
        "docs/carriers/sip.md",
        "A PBX of one's own on the same network, where what is silent for long is dead.",
        {
            "identity": ["P-Asserted-Identity"],
            "caller_required": False,
            "answer_seconds": 5.0,
            "options_seconds": 10,
        },
    ),
    "plivo": Preset(
        "https://docs.plivo.com/docs/faq/voice-api-and-SIP-trunking/sip-trunking.md",
        "The domain is the trunk's own, as in 21784177241578.zt.plivo.com. No REGISTER and no INFO; PCMU and PCMA; an "
        "account begins with 2 calls a second.",
        {"register": False, "called_form": "+e164", "caller_form": "+e164"},
    ),
    "sipgate": Preset(
        "https://help.sipgate.de/trunking/wie-setze-ich-bei-sipgate-trunking-die-absenderrufnummer",
        "The SIP-ID stands in From; the caller rides in P-Preferred-Identity, without a plus. The page does not say "
        "how the number called is written.",
        {
            "domain": "sipconnect.sipgate.de",
            "from_user": "{auth_user}",
            "identity": ["P-Preferred-Identity"],
            "caller_form": "e164",
        },
    ),
    "telnyx": Preset(
        "https://developers.telnyx.com/docs/voice/sip-trunking/configuration/caller-id-policy.md",
        "The caller is read from P-Preferred-Identity, P-Asserted-Identity, Remote-Party-ID and From, in this order; "
        "E.164 with a plus is right for every country. A caller that is not the account's is a 403 with D35.",
        {"domain": "sip.telnyx.com", "called_form": "+e164", "caller_form": "+e164"},
    ),
    "twilio": Preset(
        "https://www.twilio.com/docs/sip-trunking",
        "The domain is the trunk's own, as in NAME.pstn.twilio.com, and must be that of the Request-URI. E.164 with a "
        "plus; the caller must be a number of the account (error 32204).",
        {"register": False, "called_form": "+e164", "caller_form": "+e164"},
    ),
    "voipms": Preset(
        "https://wiki.voip.ms/article/SIP_URI",
        "The domain is the server that one registers with, as in houston.voip.ms; the user is the account or a sub "
        "account. The page does not say where the caller's number stands.",
        {"register": True},
    ),
    "vonage": Preset(
        "https://developer.vonage.com/en/voice/voice-api/guides/numbers",
        "Numbers have no plus. The caller is read from P-Asserted-Identity, else from From. "
        "https://developer.kpn.com/subpage/sip names the domain, which has SRV records.",
        {"domain": "sip.nexmo.com", "called_form": "e164", "caller_form": "e164"},
    ),
}


def with_preset(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings as written over those of the preset that they name."""
    preset = PRESETS.get(str(settings.get("preset", "")))
    return {**preset.settings, **settings} if preset else settings
