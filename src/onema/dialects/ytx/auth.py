import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Literal

from onema.dialects.ytx.errors import INVALID_HEADER, INVALID_SIGN, Rejected
from onema.dialects.ytx.wire import local_time
from onema.domain.configuration.directory import AccountView, Directory
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import Asking

DIALECT = "ytx"

Environment = Literal["production", "sandbox"]

# "Valid for 24 hours" (console.ytx.net/FileDetails/FileCodeCallOut) does not say from when on: a client whose
# clock is ahead is taken as long.
_WINDOW = dt.timedelta(hours=24)
# The public Python SDK reads the clock once for Sign and once more for Authorization (github.com/kerbalwzy/YunXunSDKPy,
# yunxunSDK/wiring/core.py). The document asks for the same time; whether the vendor tolerates another is not known.
_SKEWS = (dt.timedelta(), dt.timedelta(seconds=-1), dt.timedelta(seconds=1))
# The document's sample decodes to an account id, a colon and an end that is no time, where its text says "|".
# No client sends a colon.
_AUTHORIZATION = re.compile(rb"(?P<sid>.+)[|:](?P<stamp>[0-9]{14})", re.DOTALL)
_SIGN_LENGTH = 32


def authenticate(
    directory: Directory, account_sid: str, authorization: bytes | None, sign: str, now: int, asking: Asking
) -> AccountView:
    """The account that signed; docs/vendors/ytx.md#order-of-checks says in which order things are looked at.

    `asking` gets the account that has the SID, even when the signature is wrong.
    Raises Refused(CREDENTIAL_UNKNOWN | ACCOUNT_SUSPENDED), Rejected(INVALID_HEADER | INVALID_SIGN).
    """
    credential = directory.credentials.get((DIALECT, account_sid))
    if credential is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN)
    asking.account = credential.account
    if not credential.active or not credential.secret:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN, "the credential is not active, or has no secret")
    if not credential.account.active:
        raise Refused(Refusal.ACCOUNT_SUSPENDED)
    moment = _signing_time(authorization or b"", account_sid, now)
    if not _is_signed(sign, account_sid + credential.secret, moment):
        raise Rejected(INVALID_SIGN)
    return credential.account


def environment_of(host: str, environments: Mapping[str, Environment]) -> Environment | None:
    """What the called Host serves; named with its port it is told apart from the same host's other ports."""
    host = host.lower()
    name, colon, port = host.rpartition(":")
    without_port = name if colon and port.isdigit() else host
    return environments.get(host) or environments.get(without_port)


def _signing_time(authorization: bytes, account_sid: str, now: int) -> dt.datetime:
    """The time inside base64(accountSID|yyyyMMddHHmmss), at most 24 hours from now.

    No page names a time zone. Clients use the local time of machines in China, so UTC+8.
    """
    try:
        match = _AUTHORIZATION.fullmatch(binascii.a2b_base64(authorization))
        if match is None or match["sid"] != account_sid.encode():
            raise Rejected(INVALID_HEADER)
        date, time = match["stamp"][:8].decode(), match["stamp"][8:].decode()
        moment = dt.datetime.fromisoformat(f"{date}T{time}+08:00")
    except ValueError:
        raise Rejected(INVALID_HEADER) from None
    if abs(local_time(now) - moment) > _WINDOW:
        raise Rejected(INVALID_HEADER)
    return moment


def _is_signed(sign: str, signed: str, moment: dt.datetime) -> bool:
    """Sign is MD5 in hex of either case: public clients send lower case, the vendor's .NET helper upper case.

    A Java client in the field prints it through BigInteger, which drops leading zeros. Filling them up lets
    nobody in: what is compared are the digits that the digest has.
    """
    given = sign.lower().rjust(_SIGN_LENGTH, "0").encode()
    return any(hmac.compare_digest(given, _sign(signed, moment + skew)) for skew in _SKEWS)


def _sign(signed: str, moment: dt.datetime) -> bytes:
    text = f"{signed}{moment:%Y%m%d%H%M%S}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().encode()
