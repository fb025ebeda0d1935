"""SIPp as a whole city of retailers behind one trunk: what each does is decided by the last digits of its number."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import peers
from tests.lines.sipp.peer import free_media_port, free_udp_port
from tests.lines.telephone import wait_for

HEARD_MS = 1500
BETWEEN_KEYS_MS = 250
_REPLY = """<send{retrans}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]r[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{body}
]]></send>
"""
_EMPTY = "Content-Length: 0\n"
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15"""
_WITHIN = """<send retrans="500"><![CDATA[
{method} [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$us];tag=[pid]r[call_number]
To: [$them]
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70
{body}
]]></send>
<recv response="200"/>
"""
_OK = """<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
_END = '<nop next="end"/>\n'


def rings() -> str:
    return _REPLY.format(status="180 Ringing", retrans="", body=_EMPTY)


def refuses(status: str) -> str:
    """Busy, declined, no such number."""
    return _REPLY.format(status=status, retrans=' retrans="500"', body=_EMPTY) + '<recv request="ACK"/>\n' + _END


def never_answers() -> str:
    """Rings until we give up."""
    gone = _REPLY.format(status="487 Request Terminated", retrans=' retrans="500"', body=_EMPTY)
    # The CANCEL's CSeq is the last one seen; the INVITE's own is 1.
    gone = gone.replace("[last_CSeq:]", "CSeq: 1 INVITE").replace("[last_Via:]", "[$via]")
    return f'{rings()}<recv request="CANCEL"/>\n{_OK}{gone}<recv request="ACK"/>\n{_END}'


def answers(*entries: str, hangs_up: bool) -> str:
    """Picks up and keys these entries, each after having listened; waits for our end, or hangs up."""
    parts = [rings(), _REPLY.format(status="200 OK", retrans=' retrans="500"', body=_SDP), '<recv request="ACK"/>\n']
    sequence = 1
    for entry in entries:
        parts.append(f'<pause milliseconds="{HEARD_MS}"/>\n')
        for key in entry:
            body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
            parts.append(_WITHIN.format(method="INFO", sequence=sequence, body=body))
            parts.append(f'<pause milliseconds="{BETWEEN_KEYS_MS}"/>\n')
            sequence += 1
    if hangs_up:
        parts.append(f'<pause milliseconds="{HEARD_MS}"/>\n')
        parts.append(_WITHIN.format(method="BYE", sequence=sequence, body=_EMPTY))
    else:
        parts.append(f'<recv request="BYE"/>\n{_OK}')
    return "".join([*parts, _END])


def scenario(behaviours: Mapping[str, str]) -> str:
    """All behaviours, by what a number must end in (a regular expression)."""
    choose, branches = [], []
    find = '<ereg regexp="{0}" search_in="{1}" header="{2}" assign_to="{3}"/>\n'
    actions = find.format(".*", "hdr", "From:", "them")
    actions += find.format("&lt;.*&gt;", "hdr", "To:", "us") + find.format("sip:[^&gt;]*", "hdr", "Contact:", "contact")
    actions += find.format("Via:[^\\r\\n]*", "msg", "", "via")
    for number, (ending, behaviour) in enumerate(behaviours.items()):
        actions += find.format(f"^INVITE sip:[0-9]*{ending}@", "msg", "", f"is{number}")
        choose.append(f'<nop next="{number}" test="is{number}"/>\n')
        branches.append(f'<label id="{number}"/>\n{behaviour}')
    actions = actions.replace(' header=""', "")
    trying = _REPLY.format(status="100 Trying", retrans="", body=_EMPTY)
    # SIPp refuses a scenario in which a variable is found but never used.
    used = '<Reference variables="via,us,them,contact"/>\n'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="retailers">\n'
        f'<recv request="INVITE"><action>\n{actions}</action></recv>\n{used}{trying}{"".join(choose)}'
        f'{refuses("404 Not Found")}{"".join(branches)}<label id="end"/>\n<pause milliseconds="10"/>\n</scenario>\n'
    )


@contextmanager
def retailers(behaviours: Mapping[str, str], folder: Path, within_s: int, port: int = 0) -> Iterator[int]:
    """The city takes calls at the port given; ended by us, so that a call too many would still be seen.

    What it hears it sends back, so that lines which listen for life hear some.
    """
    port = port or free_udp_port()
    (folder / "retailers.xml").write_text(scenario(behaviours), encoding="utf-8")
    command = [str(peers.require("sipp")["sipp"]), "-sf", "retailers.xml", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-mp", str(free_media_port()), "-timeout", f"{within_s}s", "-nostdin", "-trace_err", "-aa", "-rtp_echo"]
    with (
        (folder / "sipp.out").open("wb") as said,
        subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT) as sipp,
    ):
        try:
            wait_for(lambda: f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii"), 5)
            yield port
        finally:
            sipp.terminate()


def errors(folder: Path) -> str:
    """What SIPp did not expect."""
    return "".join(path.read_text(errors="replace")[-3000:] for path in folder.glob("*_errors.log"))
