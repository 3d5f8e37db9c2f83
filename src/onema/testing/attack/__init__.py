"""Attacks on the pure core, between the messages of people: what the guard stops of them, and whom it troubles.

Everything is drawn from one seed, and time is the simulation's own, so that a run can be repeated to the last message.
"""
