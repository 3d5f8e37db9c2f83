"""The process that calls: SIP on an event loop, RTP on a thread, and nothing else that could make a packet late.

Whoever starts it gives it one end of a socket pair (line.py). It has no settings, no store and no HTTP, and listens to
nobody but that line and the network. When the line ends it hangs up whatever is up, and ends.
"""
