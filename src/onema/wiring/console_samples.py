"""How the keys of each API are used, for the console."""

from collections.abc import Mapping, Sequence

from onema.console.operate.samples import Example
from onema.dialects.native.auth import DIALECT as OURS
from onema.dialects.native.examples import LANGUAGES, Filling, examples, postman_collection
from onema.dialects.twilio_verify.auth import DIALECT as TWILIO
from onema.domain.configuration.key_lengths import KEY_BYTES
from onema.wiring.dialects import DIALECTS

_PHONE = "+84901888484"
_VERIFICATION, _CODE = "VERIFICATION", "123456"
"""Places for what the first request is answered with, and for what was typed."""


class ConsoleSamples:
    apis: Sequence[str] = (OURS, *(name for name in DIALECTS if name != OURS))
    languages: Mapping[str, str] = LANGUAGES

    def key(self, api: str, seed: str) -> str:
        # Its official libraries look at the form of an AccountSid.
        return f"AC{seed}" if api == TWILIO else seed[: 2 * KEY_BYTES].upper()

    def examples(self, url: str, key: str, secret: str) -> Sequence[Example]:
        filling = Filling(url, key, secret, _PHONE, _VERIFICATION, _CODE)
        return [Example(one.title, one.programs) for one in examples(filling)]

    def postman(self, url: str, key: str, secret: str) -> bytes:
        return postman_collection(url, key, secret)
