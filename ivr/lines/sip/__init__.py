"""The direct SIP line: aiosipua for signalling, the media process for sound, nothing of the dialogue.

`line` is the adapter; `transactions` closes what aiosipua leaves open between transport and user agent; `agent` is its
user-agent server with our answers; `offers` reads and writes SDP; `dialling` calls out.
"""
