"""The direct SIP line: signalling of our own making on aiosipua's messages, sound by the media process.

`line` is the adapter and its thread; `wires` the sockets; `reading` what may come in; `served` and `asked` the
transactions; `endpoint` the tables; `leg`, `arrived` and `dialled` the calls; `terms` offer and answer.
"""
