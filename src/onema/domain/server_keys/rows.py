"""The rows about server keys beside KeyFingerprint: none of them tells anything of a key itself."""

from onema.domain.records import Row

IN_USE = "server key"
"""The KeyFingerprint of the key that everything new is made under."""
FORMER = "former server key"
"""The KeyFingerprint of the key that was in use before, while something may still rest under it."""


class NodeKeys(Row, frozen=True, gc=False):
    """Which keys a process holds, their fingerprints in hex with spaces between, and the fingerprint of the one that it
    uses; `progress` is reseal.Progress in JSON, empty of a process that does not look.
    """

    table = "node_keys"
    key_columns = 1

    process: str
    reported_at: int
    expires_at: int
    in_use: int
    held: str
    progress: str
