"""Our caller and our called phone over a network that loses, repeats and reorders, with simulated time."""

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from onema.protocols.sip.call_events import Answered, By, Ended
from onema.protocols.sip.called import Script
from tests.unit.protocols.sip.far_end import PLAN
from tests.unit.protocols.sip.network import Network, kinds

SECONDS_UNTIL_ALL_IS_OVER = 400.0
"""The longest ringing, timer B before it, 64*T1 for a CANCEL that nobody ends, as long again for what comes late."""


def test_with_a_third_of_all_messages_lost_calls_are_answered() -> None:
    """Of 300 calls none fails that the seven INVITEs reached, and both ends agree about each."""
    answered = 0
    for seed in range(300):
        network = Network(
            Script(provisional=((0.5, 180),), final_after=4.0), loss=0.3, copies=0.1, delay=0.2, seed=seed
        )
        network.run(60.0)
        network.hang_up()
        assert network.ends_by_itself(), seed
        heard = "Answered" in kinds(network.caller)
        assert heard == network.end.accepted
        assert not heard or "Answered" in kinds(network.called)
        answered += heard
    assert answered >= 299


@pytest.mark.parametrize("status", [486, 503])
def test_with_a_third_of_all_messages_lost_refusals_arrive(status: int) -> None:
    """Timers G and H repeat them until the ACK."""
    for seed in range(100):
        network = Network(Script(status=status, final_after=2.0), loss=0.3, delay=0.2, seed=seed)
        network.run(60.0)
        assert network.end.status in (status, 0)
        assert network.end.status or not network.called or not network.end.rang
        assert network.ends_by_itself()


def test_a_network_that_dies_at_any_moment_ends_the_call_at_both_ends() -> None:
    """While it rings too: then CANCEL is never answered, and 64*T1 bound it."""
    for tenth in range(60):
        network = Network(
            Script(provisional=((1.0, 180),), final_after=4.0, session_seconds=100),
            msgspec.structs.replace(PLAN, ring_seconds=10.0),
            delay=0.3,
            seed=tenth,
        )
        network.run(tenth / 10)
        network.is_cut = True
        network.run(120.0)
        if "Answered" in kinds(network.called) and "Answered" not in kinds(network.caller):
            # Its 2xx was never acknowledged.
            assert network.far_end.by is By.TIMEOUT
        assert network.end.by in (By.TIMEOUT, By.US)
        assert network.ends_by_itself()


class Calls(RuleBasedStateMachine):
    """Whatever both ends and the network do, in any order, each end tells one end, and is over in the end."""

    @initialize(
        seed=st.integers(0, 2**32),
        loss=st.sampled_from([0.0, 0.3, 0.6]),
        delay=st.sampled_from([0.0, 0.5, 3.0]),
        reliable=st.booleans(),
        script=st.builds(
            Script,
            provisional=st.sampled_from(
                [(), ((0.0, 180),), ((0.0, 183), (1.0, 180)), ((2.0, 181), (9.0, 180))]
            ),
            final_after=st.sampled_from([None, 0.0, 0.3, 5.0, 70.0]),
            status=st.sampled_from([200, 200, 200, 302, 404, 486, 503, 603]),
            forks=st.sampled_from([1, 1, 2, 3]),
            accepts_after_cancel=st.booleans(),
            min_session=st.sampled_from([90, 3_600]),
            session_seconds=st.sampled_from([0, 90]),
            refresher=st.sampled_from(["uac", "uas"]),
            hangs_up_after=st.sampled_from([None, None, 0.0, 0.5, 20.0]),
            answers_bye=st.booleans(),
            silent=st.sampled_from([False, False, False, True]),
        ),
        ring=st.sampled_from([3.0, 60.0]),
        setup=st.sampled_from([4.0, 32.0]),
    )
    def begin(
        self,
        seed: int,
        loss: float,
        delay: float,
        reliable: bool,
        script: Script,
        ring: float,
        setup: float,
    ) -> None:
        plan = msgspec.structs.replace(PLAN, ring_seconds=ring, setup_seconds=setup)
        lossless = 0.0 if reliable else loss
        self.network = Network(
            script, plan, loss=lossless, copies=0.1, delay=delay, seed=seed, reliable=reliable
        )

    @rule(seconds=st.sampled_from([0.05, 0.5, 2.0, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.network.run(seconds)

    @rule()
    def the_caller_hangs_up(self) -> None:
        self.network.hang_up()

    @rule()
    def the_called_end_hangs_up(self) -> None:
        network = self.network
        network.called += network.far.hang_up(network.now)

    @rule(where=st.sampled_from([b"elsewhere", b"ours", b"bad"]))
    def the_called_end_moves_its_media(self, where: bytes) -> None:
        self.network.media.offer = where
        self.network.far.move_media(self.network.now)

    @rule()
    def the_network_dies(self) -> None:
        self.network.is_cut = True

    @rule()
    def the_network_refuses(self) -> None:
        network = self.network
        network.caller += network.call.transport_failed(network.now)

    @invariant()
    def nothing_follows_the_end(self) -> None:
        if not hasattr(self, "network"):
            return
        for events in (self.network.caller, self.network.called):
            assert not any(isinstance(event, Ended) for event in events[:-1])
            assert sum(isinstance(event, Answered) for event in events) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "network"):
            return
        network = self.network
        network.run(SECONDS_UNTIL_ALL_IS_OVER)
        network.hang_up()
        network.called += network.far.hang_up(network.now)
        assert network.ends_by_itself() or (not network.called and network.call.is_over)
        end = network.end
        assert not end.accepted or end.rang
        if "Answered" in kinds(network.caller):
            assert end.accepted
            assert "Answered" in kinds(network.called)


Calls.TestCase.settings = settings(max_examples=60, stateful_step_count=8, deadline=None)
TestCalls = Calls.TestCase
