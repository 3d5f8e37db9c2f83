"""RTP and RTCP (RFC 3550), and keys pressed on a phone (RFC 4733), without I/O: useful to both ends of a call.

`packets` reads and writes RTP; `rtcp` the reports about it; `first_octet` tells them and strangers apart; `events`
hears and presses keys; `statistics` counts what came and what did not. Whatever octets come, reading them raises
nothing: what is no packet is None.
"""
