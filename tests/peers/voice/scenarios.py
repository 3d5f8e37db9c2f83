"""sipp's scenarios, as steps: what a far end expects, answers and asks.

They keep Record-Route in every answer, which sipp's built-in uas leaves out. Written out as sipp reads them:
https://sipp.readthedocs.io/en/v3.6.1/scenarios/ownscenarios.html (seen 2026-11-28).
"""

from collections.abc import Iterable
from html import escape

# Variables of the scenario: what later messages need of the INVITE.
_CSEQ, _FROM, _TO, _CONTACT, _VIA = "invite_cseq", "caller", "called", "target", "invite_via"
_REMEMBERED = (
    ("CSeq:", "[0-9]+ INVITE", _CSEQ),
    ("From:", "<.*", _FROM),
    ("To:", "<[^>]*>", _TO),
    ("Contact:", "sip:[^>]*", _CONTACT),
    ("Via:", "SIP/2.0.*", _VIA),
)
TAG = "[pid]phone[call_number]"


def scenario(*steps: str) -> str:
    names = [name for _, _, name in _REMEMBERED] + ["checked", "right"]
    used = [name for name in names if f'"{name}"' in "".join(steps)]
    reference = f'<Reference variables="{",".join(used)}"/>'
    return f'<?xml version="1.0"?>\n<scenario name="far end">\n{"".join(steps)}{reference}\n</scenario>\n'


def receives(method: str, *actions: str) -> str:
    return _recv(f'request="{method}"', actions)


def receives_answer(status: int, *actions: str) -> str:
    return _recv(f'response="{status}"', actions)


def _recv(attributes: str, actions: Iterable[str]) -> str:
    inner = "".join(actions)
    return f"<recv {attributes}>{'<action>' + inner + '</action>' if inner else ''}</recv>\n"


def receives_invite(*actions: str, attributes: str = "") -> str:
    """And remembers what other messages of the call are made of."""
    remembering = [
        f'<ereg regexp="{escape(pattern)}" search_in="hdr" header="{header}" assign_to="{name}"/>'
        for header, pattern, name in _REMEMBERED
    ]
    return _recv(f'request="INVITE" rrs="true" {attributes}', [*remembering, *actions])


def checks(pattern: str, header: str) -> str:
    """Fails the call where the header does not say so."""
    return f'<ereg regexp="{escape(pattern)}" search_in="hdr" header="{header}:" check_it="true" assign_to="checked"/>'


def accepts_credentials(user: str, password: str) -> str:
    """An INVITE whose credentials sipp computes the same of, by MD5 and qop=auth."""
    right = f'<verifyauth assign_to="right" username="{user}" password="{password}"/>'
    return receives_invite(right, attributes='auth="true"') + _ONLY_IF_RIGHT


_FAILED = '<action><error message="wrong credentials"/></action>'
_ONLY_IF_RIGHT = f'<nop condexec="right" condexec_inverse="true">{_FAILED}</nop>\n'


def answers(status: str, *rows: str, sdp_port: str = "", tag: str = TAG) -> str:
    """`status` is with its phrase. With a port it answers an offer with PCMU and keys; requests within the call have a
    tag already.
    """
    lines = [
        f"SIP/2.0 {status}",
        "[last_Via:]",
        "[last_From:]",
        f"[last_To:]{';tag=' + tag if tag else ''}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
        "[last_Record-Route:]",
        "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport];ob>",
        *rows,
    ]
    # A 2xx is repeated until its ACK comes (RFC 3261 §13.3.1.4), which sipp leaves to scenarios.
    return _send(lines, sdp_port, retransmits=bool(sdp_port) and status.startswith("2"))


def answers_invite(status: str, *, tag: str, sdp_port: str = "") -> str:
    """The INVITE, whatever came since."""
    lines = [
        f"SIP/2.0 {status}",
        f"Via: [${_VIA}]",
        f"From: [${_FROM}]",
        f"To: [${_TO}];tag={tag}",
        "[last_Call-ID:]",
        f"CSeq: [${_CSEQ}]",
        "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport];ob>",
    ]
    return _send(lines, sdp_port)


ROUTES = "[routes]"
"""A row of Route for requests of a call that went through proxies."""


def asks(method: str, number: int, *rows: str, sdp_port: str = "") -> str:
    """A request within the call."""
    lines = [
        f"{method} [${_CONTACT}] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        f"From: [${_TO}];tag={TAG}",
        f"To: [${_FROM}]",
        "[last_Call-ID:]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:phone@[local_ip]:[local_port]>",
        *rows,
    ]
    return _send(lines, sdp_port, retransmits=True)


def pauses(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>\n'


def _send(lines: list[str], sdp_port: str, *, retransmits: bool = False) -> str:
    body: list[str] = []
    if sdp_port:
        lines = [*lines, "Content-Type: application/sdp"]
        body = [
            "v=0",
            "o=phone 53655765 2353687637 IN IP[media_ip_type] [media_ip]",
            "s=-",
            "c=IN IP[media_ip_type] [media_ip]",
            "t=0 0",
            f"m=audio {sdp_port} RTP/AVP 0 101",
            "a=rtpmap:101 telephone-event/8000",
        ]
    text = "\n".join(["", *lines, "Content-Length: [len]", "", *body, ""])
    return (
        f"<send{' retrans=' + chr(34) + '500' + chr(34) if retransmits else ''}><![CDATA[{text}]]></send>\n"
    )


RINGING = answers("180 Ringing")
OUR_BYE = receives("BYE") + answers("200 OK", tag="")


def answered(port: int, *rows: str) -> str:
    """With sound at the port, and acknowledged."""
    return answers("200 Ok", *rows, sdp_port=str(port)) + receives("ACK")
