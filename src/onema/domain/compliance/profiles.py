"""All rule profiles, by name."""

from collections.abc import Mapping

from onema.domain.compliance.asvs import ASVS
from onema.domain.compliance.check import Profile
from onema.domain.compliance.china import CHINA
from onema.domain.compliance.india import INDIA
from onema.domain.compliance.nist import NIST
from onema.domain.compliance.psd2 import PSD2
from onema.domain.compliance.registries import AUSTRALIA, SINGAPORE
from onema.domain.compliance.vietnam import VIETNAM

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (NIST, ASVS, PSD2, VIETNAM, CHINA, INDIA, AUSTRALIA, SINGAPORE)
}
