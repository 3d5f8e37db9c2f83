"""SMPP 3.4 and the little of 5.0 that peers use, without I/O: useful to both ends, ESME and SMSC.

`frames` cuts a stream into PDUs and makes PDUs; `pdus` reads and writes their bodies; `tlvs` their optional parameters;
`addresses`, `times`, `texts` and `parts` what stands in the fields; `receipts` what an SMSC reports. `session` is one
connection: which PDU is allowed when, sequence numbers, the window, time-outs. "3.4" and "5.0" in comments are the
sections of the SMPP Protocol Specification v3.4 (issue 1.2) and v5.0.
"""
