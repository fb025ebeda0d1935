"""A second signalling for the customer's PBX: pyVoIP as a plain extension, on the same media process.

pyVoIP (GPLv3, the optional extra `orderline[pyvoip]`) reads the PBX's requests, writes the answers and keeps the calls;
what it lacks between it and the wire is taken from `ivr.lines.sip`: transactions, offer and answer, numbers. `line` is
the adapter, `phone` what is made of pyVoIP, `library` finds it.
"""
