"""Digest (RFC 7616, RFC 8760): published vectors, challenges as peers write them, when to try again."""

import re
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.digest import (
    Algorithm,
    Challenge,
    DigestClient,
    DigestServer,
    digest_response,
    read_challenges,
)
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response

RFC_7616 = Challenge(realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v")
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def invite() -> Request:
    return Request("INVITE", "sip:1@example.com;x", Headers([("Via", "v")]), b"v=0")


def refusal(*challenges: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "", Headers((name, challenge) for challenge in challenges))


def client(password: str = "secret") -> DigestClient:
    numbers = count(1)
    return DigestClient("alice", password, lambda: f"c{next(numbers)}")


def nonces() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"n{next(numbers)}"


def sent(one: DigestClient, name: str = "Authorization") -> list[str]:
    request = invite()
    one.authorize(request)
    return request.headers.rows(name)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm.SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_come_out(algorithm: Algorithm, response: str) -> None:
    """RFC 7616 §3.9.1."""
    challenge = Challenge(realm=RFC_7616.realm, nonce=RFC_7616.nonce, algorithm=algorithm)
    answer = digest_response(
        challenge,
        user="Mufasa",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        qop="auth",
        nc="00000001",
        cnonce=CNONCE,
    )
    assert answer == response


def test_the_example_of_rfc_2617_comes_out() -> None:
    """RFC 2617 §3.5."""
    challenge = Challenge(realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093")
    answer = digest_response(
        challenge,
        user="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
        qop="auth",
        nc="00000001",
        cnonce="0a4f113b",
    )
    assert answer == "6629fae49393a05397450978507c4ef1"


def test_without_qop_the_form_of_rfc_2069_is_used() -> None:
    """RFC 2069 §2.4, with the response that its erratum 749 gives."""
    challenge = Challenge(realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093")
    answer = digest_response(
        challenge, user="Mufasa", password="CircleOfLife", method="GET", uri="/dir/index.html"
    )
    assert answer == "1949323746fe6a43ef61f9606e7febea"


def test_challenges_are_read_with_commas_in_quotes() -> None:
    """Several on one row, schemes that are none of ours between them, parameters in any case."""
    rows = [
        'Digest realm="a, b=c", nonce="n,1", qop="auth-int, auth", opaque="", stale=TRUE, algorithm=SHA-256,'
        ' Basic realm="x", Digest Realm="a, b=c" , NONCE=n2',
        'NoOneKnowsThisScheme opaque-data=here, digest realm="d",nonce="n3",algorithm="md5"',
    ]
    assert read_challenges(rows) == [
        Challenge(
            realm="a, b=c",
            nonce="n,1",
            opaque="",
            algorithm=Algorithm.SHA_256,
            algorithm_name="SHA-256",
            qop=("auth-int", "auth"),
            is_stale=True,
        ),
        Challenge(realm="a, b=c", nonce="n2"),
        Challenge(realm="d", nonce="n3", algorithm_name="md5"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        "",
        "Digest",
        'Digest realm="x"',
        'Digest realm="x, nonce="n"',
        'Digest realm="x", nonce="n", algorithm=TIGER',
        'Digest realm="x", nonce="n", qop="new"',
    ],
)
def test_a_challenge_that_cannot_be_answered_is_left_out(row: str) -> None:
    """The request has then failed."""
    assert read_challenges([row]) == []
    assert not client().learn(invite(), refusal(row))


def test_the_strongest_algorithm_is_taken() -> None:
    """RFC 8760 §2.4 has one header field for each, in any order."""
    one = client()
    md5, sha = (f'Digest realm="r", nonce="n", qop="auth", algorithm={name}' for name in ("MD5", "SHA-256"))
    assert one.learn(invite(), refusal(md5, sha))
    (credentials,) = sent(one)
    assert "algorithm=SHA-256" in credentials


def test_qop_and_nc_stand_without_quotes() -> None:
    """And everything else of the challenge goes back as it came."""
    one = client()
    one.learn(invite(), refusal(r'Digest realm="r \"x\"", nonce="n", opaque="o", qop="auth,auth-int"'))
    (credentials,) = sent(one)
    assert ", qop=auth, nc=00000001" in credentials
    assert r'realm="r \"x\"", nonce="n", uri="sip:1@example.com;x"' in credentials
    assert 'opaque="o"' in credentials
    assert "algorithm" not in credentials


def test_without_qop_there_is_no_nc() -> None:
    """RFC 2069's form has neither nc nor cnonce."""
    one = client()
    one.learn(invite(), refusal('Digest realm="r", nonce="n"'))
    (credentials,) = sent(one)
    assert not re.search("nc=|cnonce=|qop=", credentials)


def test_nc_rises_with_each_request() -> None:
    """A server takes a number that did not rise for a replay (RFC 7616 §3.4)."""
    one = client()
    one.learn(invite(), refusal('Digest realm="r", nonce="n", qop="auth"'))
    assert [row.rpartition("nc=")[2] for _ in range(11) for row in sent(one)][-2:] == ["0000000a", "0000000b"]


def test_a_proxy_and_a_server_may_both_ask() -> None:
    """Both get their answer in every request from then on (RFC 3261 §22.3)."""
    one = client()
    assert one.learn(invite(), refusal('Digest realm="p", nonce="1"', status=407))
    assert one.learn(invite(), refusal('Digest realm="s", nonce="2"'))
    assert ['realm="s"' in row for row in sent(one)] == [True]
    assert ['realm="p"' in row for row in sent(one, "Proxy-Authorization")] == [True]


@pytest.mark.parametrize("qop", ["", ', qop="auth"'])
def test_a_fresh_nonce_refused_means_a_wrong_password(qop: str) -> None:
    """Whatever the second refusal says of staleness: some servers always say it."""
    one = client()
    request = invite()
    assert one.learn(request, refusal(f'Digest realm="r", nonce="1"{qop}'))
    one.authorize(request)
    assert not one.learn(request, refusal(f'Digest realm="r", nonce="2"{qop}, stale=true'))


@pytest.mark.parametrize("qop", ["", ', qop="auth"'])
def test_a_nonce_that_was_taken_before_may_expire(qop: str) -> None:
    """With stale or without: Kamailio never says it by itself."""
    one = client()
    one.learn(invite(), refusal(f'Digest realm="r", nonce="1"{qop}'))
    sent(one)
    request = invite()
    one.authorize(request)
    assert not one.learn(request, refusal(f'Digest realm="r", nonce="1"{qop}'))
    assert one.learn(request, refusal(f'Digest realm="r", nonce="2"{qop}'))
    assert 'nonce="2"' in sent(one)[0]


def test_only_401_and_407_are_challenges() -> None:
    """Nothing else is tried again."""
    assert not client().learn(
        invite(), Response(403, "", Headers([("WWW-Authenticate", 'Digest realm="r", nonce="1"')]))
    )


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("qop", ["", "auth", "auth-int"])
@pytest.mark.parametrize("is_proxy", [False, True])
def test_both_sides_agree(algorithm: Algorithm, qop: str, is_proxy: bool) -> None:
    """What the client answers, the server takes; with another password, body or method it does not."""
    server = DigestServer(
        "r", {"alice": "secret"}, nonces(), algorithms=(algorithm,), qop=qop, is_proxy=is_proxy
    )
    one, request = client(), invite()
    assert one.learn(request, Response(server.status, "", Headers(server.refuse(request, 0.0))))
    one.authorize(request)
    assert server.refuse(request, 1.0) == []
    one.authorize(request)
    request.method = "BYE"
    assert server.refuse(request, 1.0)
    impostor, request = client("guess"), invite()
    assert impostor.learn(request, Response(server.status, "", Headers(server.refuse(request, 0.0))))
    impostor.authorize(request)
    assert server.refuse(request, 1.0)


def test_a_server_calls_an_old_nonce_stale() -> None:
    """And one whose nc did not rise; the password was right (RFC 7616 §3.3)."""
    server = DigestServer("r", {"alice": "secret"}, nonces(), nonce_seconds=10.0)
    one, request = client(), invite()
    one.learn(request, Response(401, "", Headers(server.refuse(request, 0.0))))
    one.authorize(request)
    assert server.refuse(request, 1.0) == []
    assert all("stale=true" in value for _, value in server.refuse(request, 1.0))
    one.authorize(request)
    (first, *_) = server.refuse(request, 11.0)
    assert "stale=true" in first[1]
    assert one.learn(request, Response(401, "", Headers([first])))
    one.authorize(request)
    assert server.refuse(request, 12.0) == []


@given(st.text(alphabet='Digest realm="n,oc\\= \t', max_size=60))
def test_any_text_is_a_challenge_or_left_out(text: str) -> None:
    """Nothing is raised, on either side."""
    read_challenges([text, f"Digest {text}", f'Digest realm="r", nonce="n", {text}'])
    request = invite()
    request.headers.add("Authorization", f"Digest {text}")
    assert DigestServer("r", {"alice": "x"}, nonces()).refuse(request, 0.0)
