"""Sign and Authorization, in every form that clients were seen to send.

http://console.ytx.net/FileDetails/FileCodeCallOut and docs/vendors/ytx.md#signing-a-request.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.dialects.ytx.auth import authenticate
from onema.dialects.ytx.errors import Rejected
from onema.domain.configuration.directory import Directory
from onema.engine.refusals import Asking

from ..running_core import RunningCore
from .vendor_client import (
    ACCOUNT,
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALL_MEMBERS,
    CALL_OUT,
    CREDENTIAL,
    VendorClient,
    authorization,
    changed,
    error_body,
    milliseconds_at,
    sign,
    stamp_at,
    status_code,
)

WORKED_STAMP = "20140416142030"
WORKED_AUTHORIZATION = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDV8MjAxNDA0MTYxNDIwMzA="
WORKED_SIGN = "698CD6F76DB3CAE8E9875C1F8F298B2C"
BODY = changed(CALL_MEMBERS, {})
HEADER_INVALID = error_body("-202", "包头验证信息错误")
SIGN_INVALID = error_body("-203", "AuthToken验证失败")


def set_clock(core: RunningCore, stamp: str, seconds: float = 0) -> None:
    core.clock.advance((milliseconds_at(stamp) - core.clock.now()) / 1000 + seconds)


# docs/vendors/ytx.md#signing-a-request.
@pytest.mark.parametrize("given_sign", [WORKED_SIGN, WORKED_SIGN.lower()])
async def test_the_worked_example_is_signed(client: VendorClient, core: RunningCore, given_sign: str) -> None:
    """MD5 in either case, and the Authorization to the byte."""
    set_clock(core, WORKED_STAMP)
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/call/CodeCallOut.wx",
        f"Sign={given_sign}".encode(),
        body=BODY,
        headers=((b"authorization", WORKED_AUTHORIZATION.encode()),),
    )
    assert status_code(response) == "0"


# A Java client's `new BigInteger(1, digest).toString(16)` drops leading zeros; the digest here begins with one.
@pytest.mark.parametrize("given_sign", ["4BF378CED8A366C18F5CF065A320E14", "4bf378ced8a366c18f5cf065a320e14"])
async def test_a_sign_may_have_lost_its_leading_zeros(
    client: VendorClient, core: RunningCore, given_sign: str
) -> None:
    """31 characters stand for 32 with a zero in front."""
    set_clock(core, "20140416142038")
    response = await client.post(CALL_OUT, BODY, signature=given_sign)
    assert status_code(response) == "0"


# github.com/kerbalwzy/YunXunSDKPy, yunxunSDK/wiring/core.py: the clock is read for Sign and again for Authorization.
@pytest.mark.parametrize("second", ["20140416142029", "20140416142031"])
async def test_sign_may_be_a_second_away_from_authorization(
    client: VendorClient, core: RunningCore, second: str
) -> None:
    """Either may have been computed first."""
    set_clock(core, WORKED_STAMP)
    response = await client.post(CALL_OUT, BODY, stamp=WORKED_STAMP, signature=sign(second))
    assert status_code(response) == "0"


@pytest.mark.parametrize("second", ["20140416142028", "20140416142032"])
async def test_two_seconds_between_sign_and_authorization_are_too_many(
    client: VendorClient, core: RunningCore, second: str
) -> None:
    """The leniency is for one tick of a clock."""
    set_clock(core, WORKED_STAMP)
    response = await client.post(CALL_OUT, BODY, stamp=WORKED_STAMP, signature=sign(second))
    assert response.body == SIGN_INVALID


# The document's sample Authorization has a colon where its text says "|".
async def test_a_colon_may_stand_for_the_bar(client: VendorClient, core: RunningCore) -> None:
    """The sample of the vendor's document, unmangled."""
    stamp = stamp_at(core.clock.now())
    response = await client.post(CALL_OUT, BODY, header=authorization(stamp, separator=":"))
    assert status_code(response) == "0"


# The document: the time stamp is valid for 24 hours. Clients in China write their local time.
@pytest.mark.parametrize("seconds", [-86_400, 0, 86_400])
async def test_a_signature_is_valid_for_24_hours(
    client: VendorClient, core: RunningCore, seconds: int
) -> None:
    """Also for a client whose clock is ahead."""
    set_clock(core, WORKED_STAMP, seconds)
    assert status_code(await client.post(CALL_OUT, BODY, stamp=WORKED_STAMP)) == "0"


@pytest.mark.parametrize("seconds", [-86_400.001, 86_400.001])
async def test_an_older_or_later_signature_is_refused(
    client: VendorClient, core: RunningCore, seconds: float
) -> None:
    """A recorded request cannot be replayed for ever."""
    set_clock(core, WORKED_STAMP, seconds)
    assert (await client.post(CALL_OUT, BODY, stamp=WORKED_STAMP)).body == HEADER_INVALID


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not base64",
        "ZmY4MDgwODEzYzM3ZGE1MzAxM2M4MDRmODA3MjAwN2M6MjAxMzAyMDExNTABCDE=",
        authorization(WORKED_STAMP, separator=""),
        authorization(WORKED_STAMP, separator=","),
        authorization(WORKED_STAMP, account_sid=ACCOUNT_SID[::-1]),
        authorization(WORKED_STAMP[:-1]),
        authorization(WORKED_STAMP + "0"),
        authorization("20140230142030"),
        authorization("20140416146030"),
        authorization("00000416142030"),
        authorization("99991231235959"),
        f"Basic {WORKED_AUTHORIZATION[:-1]}",
        WORKED_AUTHORIZATION[:-2] + "\xff",
    ],
)
async def test_an_authorization_that_is_none_is_refused(
    client: VendorClient, core: RunningCore, header: str
) -> None:
    """Missing, undecodable, another account's, without a time: all are -202."""
    set_clock(core, WORKED_STAMP)
    assert (await client.post(CALL_OUT, BODY, header=header, signature=WORKED_SIGN)).body == HEADER_INVALID


async def test_a_request_without_authorization_is_refused(client: VendorClient) -> None:
    """No header at all."""
    response = await client.ask(f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}", b"Sign=1", body=BODY)
    assert response.body == HEADER_INVALID


# The document: Sign must stand behind the URL. That a missing one is -203 is a choice (DIVERGENCES.md).
@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"Sign=",
        b"Sign=0",
        b"Sign=" + WORKED_SIGN[:-1].encode(),
        b"Sign=0" + WORKED_SIGN.encode(),
        b"Sign=%FF",
        b"Sign=%E4%BA%91",
        b"Sign=" + b"0" * 32,
    ],
)
async def test_a_wrong_sign_is_refused(client: VendorClient, core: RunningCore, query: bytes) -> None:
    """Missing, cut, too long, or no hex at all."""
    set_clock(core, WORKED_STAMP)
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}",
        query,
        body=BODY,
        headers=((b"authorization", WORKED_AUTHORIZATION.encode()),),
    )
    assert response.body == SIGN_INVALID


async def test_the_parameter_may_be_written_in_any_case(client: VendorClient, core: RunningCore) -> None:
    """A client that says `sign` means the same."""
    set_clock(core, WORKED_STAMP)
    response = await client.ask(
        f"/201512/sid/{ACCOUNT_SID}/{CALL_OUT}",
        b"sign=" + WORKED_SIGN.encode(),
        body=BODY,
        headers=((b"authorization", WORKED_AUTHORIZATION.encode()),),
    )
    assert status_code(response) == "0"


async def test_two_credentials_of_an_account_may_live(client: VendorClient, core: RunningCore) -> None:
    """So that a client moves to new keys without a gap; the application stays the account's."""
    await core.configure(
        type(CREDENTIAL)(
            account="shop", dialect="ytx", key="second" + ACCOUNT_SID[6:], secret="another token"
        )
    )
    assert status_code(await client.call()) == "0"
    client.account_sid, client.auth_token = "second" + ACCOUNT_SID[6:], "another token"
    assert status_code(await client.call()) == "0"


DIRECTORY = Directory({(document.kind, document.identity): document for document in (ACCOUNT, CREDENTIAL)})
NOW = milliseconds_at(WORKED_STAMP)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(header=st.binary(max_size=200), given_sign=st.text(max_size=40))
def test_no_header_and_sign_make_the_check_fail_otherwise(header: bytes, given_sign: str) -> None:
    """Whatever they are, they are refused in the vendor's words."""
    with pytest.raises(Rejected):
        authenticate(
            DIRECTORY, ACCOUNT_SID, header, given_sign.replace(WORKED_SIGN, ""), NOW, Asking("ytx", "")
        )


@given(offset=st.integers(-86_400, 86_400))
def test_every_moment_within_the_window_can_be_signed(offset: int) -> None:
    """In either case, with or without leading zeros."""
    stamp = stamp_at(NOW + offset * 1000)
    header = authorization(stamp).encode()
    for given_sign in (sign(stamp), sign(stamp).upper(), sign(stamp).lstrip("0")):
        assert authenticate(DIRECTORY, ACCOUNT_SID, header, given_sign, NOW, Asking("ytx", "")).name == "shop"


@pytest.mark.parametrize("wrong", [AUTH_TOKEN.upper(), AUTH_TOKEN[:-1], ""])
async def test_another_auth_token_does_not_sign(client: VendorClient, wrong: str) -> None:
    """The token is compared as it is, not in any case."""
    client.auth_token = wrong
    assert (await client.call()).body == SIGN_INVALID
