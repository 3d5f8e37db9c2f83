"""One connection: which PDU when, sequence numbers, window, time-outs (SMPP 3.4 §2, §7.2)."""

import random
import struct

import pytest

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import HEADER, LARGEST_SEQUENCE, Frame, FrameReader, pdu
from onema.protocols.smpp.session import (
    DEAD_PEER,
    MAY,
    Answer,
    Broken,
    NotAllowed,
    Notice,
    Refused,
    Request,
    Role,
    Session,
    State,
    Stray,
    Unanswered,
    Unbound,
)

BINDS = {
    State.BOUND_TX: c.BIND_TRANSMITTER,
    State.BOUND_RX: c.BIND_RECEIVER,
    State.BOUND_TRX: c.BIND_TRANSCEIVER,
}


def sent(session: Session) -> list[Frame]:
    return FrameReader().receive(session.data_to_send())


def pair(state: State = State.BOUND_TRX, **esme: float) -> tuple[Session, Session]:
    """An ESME and its SMSC in `state`, with nothing under way."""
    client, server = Session(Role.ESME, **esme), Session(Role.SMSC)  # type: ignore[arg-type]  # numbers of settings
    if state in BINDS:
        client.request(BINDS[state], token="bind")
        (asked,) = server.receive(client.data_to_send())
        assert isinstance(asked, Request)
        server.answer(asked.frame, body=b"smsc\0")
        (answered,) = client.receive(server.data_to_send())
        assert isinstance(answered, Answer)
        assert (answered.token, client.state, server.state) == ("bind", state, state)
    return client, server


def requests_to_try() -> list[int]:
    return sorted(MAY)


@pytest.mark.parametrize("state", [State.OPEN, *BINDS])
@pytest.mark.parametrize("role", Role)
def test_each_end_sends_only_what_its_state_allows(role: Role, state: State) -> None:
    """3.4 §2.3, Table 2-1: the sender refuses to, and the receiver answers what came nevertheless."""
    for command in requests_to_try():
        client, server = pair(state)
        sender, receiver = (client, server) if role is Role.ESME else (server, client)
        roles, states = MAY[command]
        may = role in roles and state in states
        if may:
            sender.request(command, b"\0" * 40)
        else:
            with pytest.raises(NotAllowed):
                sender.request(command)
            sender._out.append(pdu(command, 0, 77))
        events = receiver.receive(sender.data_to_send())
        refused = [event for event in events if isinstance(event, Refused)]
        assert bool(refused) is not may, c.name_of(command)
        answers = sent(receiver)
        if refused and command not in c.WITHOUT_RESPONSE:
            wanted = (
                statuses.ESME_RALYBND if command in c.BINDS and state in BINDS else statuses.ESME_RINVBNDSTS
            )
            assert answers == [Frame(command | c.RESPONSE, wanted, 77)]


def test_the_table_is_the_specification_s() -> None:
    """Written down once more by state, as 3.4's Table 2-1 reads."""
    allowed = {
        state: (
            {
                c.name_of(one)
                for one, (roles, states) in MAY.items()
                if Role.ESME in roles and state in states
            },
            {
                c.name_of(one)
                for one, (roles, states) in MAY.items()
                if Role.SMSC in roles and state in states
            },
        )
        for state in (State.OPEN, *BINDS)
    }
    both = {"data_sm", "unbind", "enquire_link"}
    sends = {"submit_sm", "submit_multi", "query_sm", "cancel_sm", "replace_sm"} | both
    receives = {"deliver_sm", "alert_notification"} | both
    binds = {"bind_transmitter", "bind_receiver", "bind_transceiver"}
    assert allowed == {
        State.OPEN: (binds | {"enquire_link"}, {"outbind", "enquire_link"}),
        State.BOUND_TX: (sends, both),
        State.BOUND_RX: (both, receives),
        State.BOUND_TRX: (sends, receives),
    }


def test_sequence_numbers_begin_at_1_and_come_round_to_it() -> None:
    """Never 0, which libsmpp34 refuses, and never one that is unanswered."""
    client, _ = pair()
    assert client.request(c.SUBMIT_SM) == 2
    client._sequence = LARGEST_SEQUENCE - 1
    assert client.request(c.SUBMIT_SM) == LARGEST_SEQUENCE
    assert [client.request(c.SUBMIT_SM) for _ in range(2)] == [1, 3]


def test_the_window_counts_messages_and_nothing_else() -> None:
    """3.4 §2.9. An answer, or none in time, makes room."""
    client, server = pair(window=2, answer_seconds=5)
    client.request(c.SUBMIT_SM, token="a", now=1.0)
    client.request(c.SUBMIT_SM, token="b", now=2.0)
    assert client.room == 0
    with pytest.raises(NotAllowed, match="window"):
        client.request(c.SUBMIT_SM)
    client.request(c.ENQUIRE_LINK, now=2.0)
    first, *_ = server.receive(client.data_to_send())
    assert isinstance(first, Request)
    server.answer(first.frame, body=b"id\0")
    events = client.receive(server.data_to_send(), 3.0)
    assert [event.token for event in events if isinstance(event, Answer)] == [None, "a"]
    assert client.room == 1
    assert client.tick(6.9) == []
    assert client.tick(7.0) == [Unanswered("b")]
    assert client.room == 2


def test_every_token_comes_back_once() -> None:
    """Answered, late, refused, repeated, nacked, or lost with the connection: by whatever happens in whatever order."""
    for seed in range(200):
        dice = random.Random(seed)
        client, server = pair(window=20, answer_seconds=10, enquire_seconds=7)
        waiting, back, now = list[Frame](), list[object](), 0.0
        tokens = 0
        while tokens < 50 and client.state is State.BOUND_TRX:
            now += dice.random()
            match dice.randrange(5):
                case 0 | 1 if client.room > 0:
                    client.request(c.SUBMIT_SM, b"x", tokens, now)
                    tokens += 1
                case 2:
                    events = server.receive(client.data_to_send(), now)
                    waiting += [event.frame for event in events if isinstance(event, Request)]
                    if waiting:
                        one = dice.choice(waiting)
                        if dice.random() < 0.2:
                            server.nack(one, statuses.ESME_RINVCMDID)
                        else:
                            server.answer(one, dice.choice((0, 0x58)), b"id\0")
                    data = server.data_to_send()
                    cut = dice.randrange(len(data) + 1)
                    for piece in (data[:cut], data[cut:]):
                        back += [
                            event.token
                            for event in client.receive(piece, now)
                            if isinstance(event, Answer | Unanswered)
                        ]
                case 3:
                    back += [event.token for event in client.tick(now) if isinstance(event, Unanswered)]
        back += [event.token for event in client.close() if isinstance(event, Unanswered)]
        assert sorted(map(str, back)) == sorted(map(str, range(tokens)))
        assert client.room == 20
        assert client.close() == []


def test_a_response_that_nobody_waits_for_changes_nothing() -> None:
    """Late, twice, another request's, or a generic_nack of sequence 0."""
    client, _ = pair()
    sequence = client.request(c.SUBMIT_SM, token="a")
    strays = [
        Frame(c.SUBMIT_SM_RESP, 0, 99, b"id\0"),
        Frame(c.DATA_SM_RESP, 0, sequence, b"id\0"),
        Frame(c.GENERIC_NACK, 3, 0),
        Frame(0x80000077, 0, 1),
    ]
    for stray in strays:
        assert client.receive(pdu(stray.command, stray.status, stray.sequence, stray.body)) == [Stray(stray)]
    assert client.unanswered == 1
    nack = Frame(c.GENERIC_NACK, 3, sequence)
    assert client.receive(pdu(c.GENERIC_NACK, 3, sequence)) == [Answer("a", nack)]
    assert client.receive(pdu(c.GENERIC_NACK, 3, sequence)) == [Stray(nack)]


def test_a_refused_bind_leaves_the_state() -> None:
    """The status stays with the answer."""
    client, server = Session(Role.ESME), Session(Role.SMSC)
    client.request(c.BIND_TRANSMITTER, token="bind")
    (asked,) = server.receive(client.data_to_send())
    assert isinstance(asked, Request)
    server.answer(asked.frame, statuses.ESME_RINVPASWD)
    (answered,) = client.receive(server.data_to_send())
    assert isinstance(answered, Answer)
    assert answered.frame.status == statuses.ESME_RINVPASWD
    assert client.state is server.state is State.OPEN


def test_enquire_link_is_answered_in_every_state() -> None:
    """5.0 §2.4: before the bind too, where load balancers ask."""
    for state in (State.OPEN, *BINDS):
        client, server = pair(state)
        client.request(c.ENQUIRE_LINK, token="here?")
        assert server.receive(client.data_to_send()) == []
        (answer,) = client.receive(server.data_to_send())
        assert isinstance(answer, Answer)
        assert answer.frame.command == c.ENQUIRE_LINK_RESP


def test_a_silent_peer_is_asked_and_then_dead() -> None:
    """Within enquire_seconds and answer_seconds (3.4 §7.2); what was unanswered is said."""
    client, _ = pair(enquire_seconds=30, answer_seconds=10)
    client.receive(b"", 100.0)
    client.request(c.SUBMIT_SM, token="a", now=125.0)
    client.data_to_send()
    assert client.due == 130.0
    assert client.tick(129.9) == []
    assert client.tick(130.0) == []
    assert [frame.command for frame in sent(client)] == [c.ENQUIRE_LINK]
    assert client.tick(135.0) == [Unanswered("a")]
    assert client.due == 140.0
    assert client.tick(140.0) == [Broken(DEAD_PEER)]
    assert client.state is State.CLOSED


def test_a_peer_that_talks_is_not_dead() -> None:
    """Though it never answers enquire_link, as node-smpp does without a handler: it is asked again."""
    client, _ = pair(enquire_seconds=30, answer_seconds=10)
    client.tick(30.0)
    client.receive(pdu(c.DELIVER_SM, 0, 1), 35.0)
    assert client.tick(40.0) == []
    assert client.state is State.BOUND_TRX
    sent(client)
    client.tick(65.0)
    assert [frame.command for frame in sent(client)] == [c.ENQUIRE_LINK]


def test_unbind_is_answered_and_ends_the_session() -> None:
    """Either end may ask; what is still answered then is not sent any more."""
    client, server = pair()
    server.request(c.DELIVER_SM)
    (report,) = client.receive(server.data_to_send())
    server.request(c.UNBIND, token="bye")
    assert client.receive(server.data_to_send()) == [Unbound()]
    assert [frame.command for frame in sent(client)] == [c.UNBIND_RESP]
    assert isinstance(report, Request)
    assert client.answer(report.frame) is False
    with pytest.raises(NotAllowed):
        client.request(c.SUBMIT_SM)


def test_requests_are_answered_at_any_later_time() -> None:
    """Until the session ends: a receipt is acknowledged when it is durable."""
    client, server = pair()
    server.request(c.DELIVER_SM, token="receipt")
    (report,) = client.receive(server.data_to_send())
    client.request(c.UNBIND)
    assert isinstance(report, Request)
    assert client.answer(report.frame, statuses.ESME_RX_T_APPN, b"\0")
    unbind, answer = server.receive(client.data_to_send())
    assert isinstance(unbind, Unbound)
    assert answer == Answer("receipt", Frame(c.DELIVER_SM_RESP, statuses.ESME_RX_T_APPN, 1, b"\0"))


def test_an_unknown_command_is_nacked() -> None:
    """3.4 §4.3: with its sequence number; the link goes on."""
    client, _ = pair()
    assert client.receive(pdu(0x0000BEEF, 0, 5)) == [Refused(Frame(0xBEEF, 0, 5), statuses.ESME_RINVCMDID)]
    assert sent(client) == [Frame(c.GENERIC_NACK, statuses.ESME_RINVCMDID, 5)]


def test_a_length_that_none_can_have_ends_the_session() -> None:
    """3.4 §4.3: it is nacked; whoever waits hears that nothing came."""
    client, _ = pair()
    client.request(c.SUBMIT_SM, token="a")
    client.data_to_send()
    broken, lost = client.receive(HEADER.pack(7, 0, 0, 0))
    assert isinstance(broken, Broken)
    assert lost == Unanswered("a")
    assert sent(client) == [Frame(c.GENERIC_NACK, statuses.ESME_RINVCMDLEN, 0)]
    assert client.receive(pdu(c.ENQUIRE_LINK, 0, 1)) == []


def test_an_outbind_is_told() -> None:
    """3.4 §2.2.1: the ESME may bind then."""
    client, server = pair(State.OPEN)
    server.request(c.OUTBIND, b"smsc\0pw\0")
    (told,) = client.receive(server.data_to_send())
    assert told == Notice(Frame(c.OUTBIND, 0, 1, b"smsc\0pw\0"))
    assert client.state is State.OUTBOUND
    client.request(c.BIND_RECEIVER)


def test_random_octets_raise_nothing() -> None:
    """Whatever a peer sends, in whatever state."""
    dice = random.Random(3)
    for _ in range(2_000):
        client, _ = pair(dice.choice([State.OPEN, *BINDS]))
        command = dice.choice([*c.NAMES, dice.randrange(1 << 32)])
        body = dice.randbytes(dice.randrange(30))
        header = struct.pack(">IIII", 16 + len(body), command, dice.randrange(1 << 32), dice.randrange(4))
        client.receive(header + body)
        client.receive(dice.randbytes(dice.randrange(60)))
        client.tick(1_000.0)
        client.data_to_send()
