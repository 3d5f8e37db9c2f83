"""SIP (RFC 3261) without I/O, for both ends of a call.

`messages` reads and makes requests and responses, `streams` cuts them out of TCP and TLS; `headers`, `header_values`
and `uris` are what stands in them. `digest` answers challenges and checks answers. `sdp` offers audio and
answers offers, from `descriptions` and `crypto_lines`, which `bodies` finds in messages.

`transactions` asks and answers until nothing can be repeated, and `dialogs` is what the requests of a call share.
`calling` is one outgoing call, `called` its far end for simulators and tests; `established` is what either end does
while the call is up. `registering` keeps a registration, `options` asks who is there, and `strangers` is what anybody
else gets to hear. `trace` keeps the messages of one call for operators, `ladder` draws them and `pcap` exports them.

Text is UTF-8 with octets that are none kept as they came (surrogateescape): what is copied from a peer goes back as it
was.
"""
