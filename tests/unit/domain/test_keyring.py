import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from onema.domain.keyring import Keyring


@given(server_key=st.binary(min_size=32, max_size=80), verification=st.integers(0, 2**63 - 1), code=st.text())
def test_a_code_rests_as_the_hmac_of_it_and_its_verification(
    server_key: bytes, verification: int, code: str
) -> None:
    """RFC 2104 as Python's own hmac does it: codes that another version hashed are checked after an upgrade."""
    key = hmac.digest(server_key, b"onema code hash", hashlib.sha256)
    expected = hmac.digest(key, b"%d:%b" % (verification, code.encode()), hashlib.sha256)
    keyring = Keyring(server_key)
    assert keyring.code_hash(verification, code) == expected
    assert keyring.code_hash(verification, code) == expected, "a message before leaves nothing behind"
