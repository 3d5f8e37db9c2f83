"""Authenticator apps (TOTP, RFC 6238) and the codes that stand in for them."""

import base64
import hmac
import io

from onema.domain.keyring import NONCE_BYTES, Keyring, Unsealable
from onema.domain.people.access import Totp, seed_bound_to

STEP_SECONDS = 30
RECOVERY_CODES = 10
_SEED_BYTES = 20
_RECOVERY_BYTES = 8
_ISSUER = "onema"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: nothing in it looks like another."""
_RECOVERY_LENGTH = 12


class Authenticators:
    """What pyotp knows of a code, for seeds that rest sealed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def new(self, user: str, entropy: bytes, now: int) -> Totp:
        """`entropy` are `ENTROPY_BYTES` random bytes."""
        seed, nonce = entropy[:_SEED_BYTES], entropy[_SEED_BYTES:]
        return Totp(
            seed=self._keyring.seal(seed, nonce=nonce, bound_to=seed_bound_to(user)).hex(), made_at=now
        )

    def secret(self, user: str, totp: Totp) -> str:
        """The seed in base32, as apps take it. Raises Unsealable."""
        return base64.b32encode(self._seed(user, totp)).decode("ascii")

    def address(self, user: str, totp: Totp, place: str) -> str:
        """What the picture says: otpauth://... of this user at a place."""
        import pyotp

        return pyotp.TOTP(self.secret(user, totp)).provisioning_uri(
            name=f"{user}@{place}", issuer_name=_ISSUER
        )

    def picture(self, user: str, totp: Totp, place: str) -> bytes:
        """A QR code as SVG, dark on light: readers want it so in the dark, too."""
        import segno

        stream = io.BytesIO()
        code = segno.make(self.address(user, totp, place), error="m", micro=False)
        code.save(stream, kind="svg", scale=6, dark="#000", light="#fff", svgclass=None, lineclass=None)
        return stream.getvalue()

    def step_of(self, user: str, totp: Totp, code: str, now: int) -> int | None:
        """The step whose code this is: the one of now (Unix ms), that before or that after, for clocks that differ."""
        import pyotp

        written = "".join(code.split())
        if not (written.isascii() and written.isdigit()):
            return None
        try:
            maker = pyotp.TOTP(self.secret(user, totp))
        except Unsealable:
            return None
        step = now // 1000 // STEP_SECONDS
        matching = [
            one for one in (step - 1, step, step + 1) if hmac.compare_digest(maker.generate_otp(one), written)
        ]
        return max(matching, default=None)

    def recovery_codes(self, entropy: bytes) -> tuple[str, ...]:
        """`RECOVERY_CODES` codes of `RECOVERY_ENTROPY_BYTES` random bytes."""
        number = int.from_bytes(entropy, "big")
        codes = []
        for _ in range(RECOVERY_CODES):
            letters = ""
            for _ in range(_RECOVERY_LENGTH):
                number, letter = divmod(number, len(_ALPHABET))
                letters += _ALPHABET[letter]
            codes.append(f"{letters[:4]}-{letters[4:8]}-{letters[8:]}")
        return tuple(codes)

    def recovery_digest(self, user: str, code: str) -> str:
        """What is kept of a new code. Nobody who has it, and not the server key, can try codes on it."""
        return self._keyring.digest(_recovery(user, code))

    def recovery_digests(self, user: str, code: str) -> tuple[str, ...]:
        """What may have been kept of a code, whichever server key was in use."""
        return self._keyring.digests(_recovery(user, code))

    def _seed(self, user: str, totp: Totp) -> bytes:
        return self._keyring.open(bytes.fromhex(totp.seed), bound_to=seed_bound_to(user))


ENTROPY_BYTES = _SEED_BYTES + NONCE_BYTES
RECOVERY_ENTROPY_BYTES = RECOVERY_CODES * _RECOVERY_BYTES + 16
"""More than the codes hold, so that each letter is as likely as another."""


def _recovery(user: str, code: str) -> bytes:
    written = "".join(one for one in code.lower() if one in _ALPHABET)
    return b"recovery\0%b\0%b" % (user.encode(), written.encode())
