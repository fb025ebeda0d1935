"""Lines of an Asterisk, controlled by ARI: events and requests on one websocket a node.

`wire` is what goes over it, `client` keeps it open, `call` is one channel, `line` the port; `neighbours` watches the
other nodes of the same Asterisk and takes over the calls of one that died.
"""
