import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.keyring import NONCE_BYTES, Keyring, ServerKey, Unsealable


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


secrets = st.binary(min_size=32, max_size=80)
rings = st.lists(secrets, min_size=1, max_size=4, unique=True).map(
    lambda found: [ServerKey(one, named=number > 0) for number, one in enumerate(found)]
)
nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)


@given(keys=rings, nonce=nonces, plain=st.binary(), bound=st.text(), data=st.data())
def test_what_is_sealed_under_any_key_is_opened_while_that_is_held(
    keys: list[ServerKey], nonce: bytes, plain: bytes, bound: str, data: st.DataObject
) -> None:
    """Whichever is in use by then; for another row it is not, and without its key by nobody."""
    keyring = Keyring(*keys)
    used = data.draw(st.sampled_from(keys))
    keyring.use(used.fingerprint)
    sealed = keyring.seal(plain, nonce=nonce, bound_to=bound)
    keyring.use(data.draw(st.sampled_from(keys)).fingerprint)
    assert keyring.open(sealed, bound_to=bound) == plain
    assert keyring.key_of_sealed(sealed) == used.fingerprint
    with pytest.raises(Unsealable):
        keyring.open(sealed, bound_to=bound + "x")
    others = [one for one in keys if one is not used]
    if others:
        with pytest.raises(Unsealable):
            Keyring(*others).open(sealed, bound_to=bound)


@given(secret=secrets, nonce=nonces, plain=st.binary())
def test_the_first_key_seals_as_it_did_when_it_was_the_only_one(
    secret: bytes, nonce: bytes, plain: bytes
) -> None:
    """Versions that know one key read it, and what they wrote is read: nodes of both run side by side."""
    aead = AESGCM(hmac.digest(secret, b"onema seal", hashlib.sha256))
    expected = nonce + aead.encrypt(nonce, plain, b"row")
    keyring = Keyring(ServerKey(secret), ServerKey(b"k" * 32, named=True))
    assert keyring.seal(plain, nonce=nonce, bound_to="row") == expected
    keyring.use(keyring.fingerprints[-1])
    assert keyring.open(expected, bound_to="row") == plain


@given(plain=st.binary(), rest=st.binary(min_size=8, max_size=8))
def test_a_nonce_that_looks_like_a_key_is_read_as_a_nonce(plain: bytes, rest: bytes) -> None:
    """One in 2**32 does, of what the first key has sealed."""
    keyring = Keyring(ServerKey(b"a" * 32), ServerKey(b"k" * 32, named=True))
    sealed = keyring.seal(plain, nonce=b"key\0" + rest, bound_to="row")
    assert keyring.open(sealed, bound_to="row") == plain


@given(keys=rings, number=st.integers(0, 2**63 - 1), code=st.text(), wrong=st.text(), data=st.data())
def test_a_code_is_right_whichever_key_was_in_use_when_it_was_sent(
    keys: list[ServerKey], number: int, code: str, wrong: str, data: st.DataObject
) -> None:
    """And a wrong one is wrong."""
    keyring = Keyring(*keys)
    used = data.draw(st.sampled_from(keys))
    keyring.use(used.fingerprint)
    code_hash, request_mac = keyring.code_hash(number, code), keyring.request_mac(code)
    signature, kept = keyring.sign(code.encode()), keyring.digest(code.encode())
    keyring.use(data.draw(st.sampled_from(keys)).fingerprint)
    assert keyring.code_matches(number, code, code_hash)
    assert keyring.is_request_mac(code, request_mac)
    assert keyring.has_signed(code.encode(), signature)
    assert kept in keyring.digests(code.encode())
    marks = [code_hash, bytes.fromhex(request_mac), bytes.fromhex(kept)]
    assert {keyring.key_of_mac(one) for one in marks} == {used.fingerprint}
    if wrong != code:
        assert not keyring.code_matches(number, wrong, code_hash)
        assert not keyring.is_request_mac(wrong, request_mac)


def test_two_keys_without_a_name_are_refused() -> None:
    """Nobody could tell under which of them something rests."""
    with pytest.raises(ValueError, match="only one server key may be without a name"):
        Keyring(b"a" * 32, b"b" * 32)
