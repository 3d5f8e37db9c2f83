"""Passkeys (WebAuthn): what browsers are asked, and what their answers prove.

To be called in a thread: loading the library takes most of a second.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from onema.console.door.access import public_address
from onema.domain.people.access import Access, Passkey

CHALLENGE_BYTES = 32
_NAME = "onema"


class Unproven(Exception):
    """The answer proves nothing."""


def creation_options(request: Request, user: str, access: Access, challenge: bytes) -> Any:
    """What a browser is asked that shall make a passkey, as JSON."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=_place(request),
        rp_name=_NAME,
        user_name=user,
        # It is what a passkey says when nobody wrote a name, so it is the key of the user's row.
        user_id=user.encode(),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(access),
    )
    return json.loads(webauthn.options_to_json(options))


def created(request: Request, answer: Any, challenge: bytes, name: str, now: int) -> Passkey:
    """The passkey that a browser has made. Raises Unproven."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_place(request),
            expected_origin=public_address(request),
        )
    # The edge of a parser: what a stranger sends is read by libraries, which fail in many ways.
    except Exception as error:
        raise Unproven(type(error).__name__) from error
    return Passkey(
        id=bytes_to_base64url(made.credential_id),
        key=bytes_to_base64url(made.credential_public_key),
        count=made.sign_count,
        name=name,
        made_at=now,
    )


def request_options(request: Request, access: Access | None, challenge: bytes) -> Any:
    """What a browser is asked that shall show a passkey, as JSON: one of a user, or without `access` any."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_place(request),
        challenge=challenge,
        allow_credentials=_descriptors(access) if access is not None else None,
        user_verification=UserVerificationRequirement.PREFERRED
        if access is not None
        else UserVerificationRequirement.REQUIRED,
    )
    return json.loads(webauthn.options_to_json(options))


def claimed_user(answer: Any) -> str:
    """Whose passkey this says to be; "" where it says nothing."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(answer["response"]["userHandle"]).decode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def shown(request: Request, answer: Any, challenge: bytes, access: Access, *, alone: bool) -> tuple[str, int]:
    """(id, count) of the user's passkey that was shown. `alone`: whoever showed it was verified by it, too.

    Raises Unproven.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes

    passkey = access.passkey(str(answer.get("id", ""))) if isinstance(answer, dict) else None
    if passkey is None:
        raise Unproven("there is no such passkey")
    try:
        proven = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_place(request),
            expected_origin=public_address(request),
            credential_public_key=base64url_to_bytes(passkey.key),
            # The count is compared where the row is locked.
            credential_current_sign_count=0,
            require_user_verification=alone,
        )
    # As above.
    except Exception as error:
        raise Unproven(type(error).__name__) from error
    return passkey.id, proven.new_sign_count


def digest_of(challenge: bytes) -> str:
    """What is kept of a challenge that was answered."""
    return hashlib.sha256(challenge).hexdigest()


def _place(request: Request) -> str:
    """The host that passkeys belong to."""
    return urlsplit(public_address(request)).hostname or ""


def _descriptors(access: Access) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in access.passkeys]
