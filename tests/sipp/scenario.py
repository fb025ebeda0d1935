"""A golden transcript's caller as a SIPp scenario: dials, keys what the transcript keys, hangs up where it does.

Three ways of keying: SIP INFO, RFC 4733 from packet files of our own (also without any end packet), so that the line
meets keys as gateways really send them.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Literal

from ivr.transcripts.script import Line, Script

Way = Literal["info", "events", "events without ends"]
KEYS = "0123456789*#"
HEARD_MS = 900
A_CHARACTER_MS = 350
BETWEEN_KEYS_MS = 260
BOUNCED_MS = 60

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="transcript">
<send retrans="500"><![CDATA[
INVITE sip:95001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:95001@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{caller}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP {payload} 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]s[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="{heard}"/>
"""
_IN_CALL = """<send retrans="500"><![CDATA[
{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]s[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70
{rest}
]]></send>
<recv response="200"/>
"""


def write_scenario(script: Script, label: str, way: Way, folder: Path, *, law: int = 8) -> Path:
    """The scenario of one call of a transcript; Raises ValueError for what a SIPp caller can't do."""
    lines = [line for line in script.lines if line.call == label or line.verb == "CALL"]
    caller = next(line.text.split()[0] for line in lines if line.verb == "CALL")
    parts = [_HEAD.format(caller=caller, payload=law, heard=HEARD_MS)]
    sequence = 2
    ended = False
    for before, line, following in zip([None, *lines], lines, [*lines[1:], None], strict=False):
        if line.verb in _KEYED:
            for key in line.text:
                parts.append(_key(key, way, caller, sequence, folder, twice=line.verb == "BOUNCE"))
                sequence += 1
            if line.verb != "AHEAD":
                parts.append(_listening(following))
        elif line.verb == "LISTENS":
            parts.append(_listening(before))
        elif line.verb in ("HANGS UP", "LINE LOST"):
            parts.append(_IN_CALL.format(method="BYE", caller=caller, sequence=sequence, rest="Content-Length: 0\n"))
            ended = True
        elif line.verb not in _HEARD:
            raise ValueError(f"{script.path}:{line.number}: a SIPp caller can't {line.verb}")
    if not ended:
        raise ValueError(f"{script.path}: the caller must hang up")
    path = folder / f"{script.path.stem}-{label}.xml"
    path.write_text("".join([*parts, "</scenario>\n"]), encoding="utf-8")
    return path


def _listening(to: Line | None) -> str:
    return f'<pause milliseconds="{_heard_ms(to.text if to and to.verb == "SAYS" else "")}"/>\n'


def _heard_ms(said: str) -> int:
    """How long a polite caller listens to this: a total must itself have begun before it can be confirmed."""
    total = re.search(r"\d+种\d+条，[^。]*。确认按1", said)
    return 2 * HEARD_MS + A_CHARACTER_MS * total.start() if total else HEARD_MS


_KEYED = ("KEYS", "AHEAD", "BOUNCE")
_HEARD = ("CALL", "SAYS", "ORDER", "NO ORDER", "DEMAND", "DRAFT", "NO DRAFT", "CALLBACK")


def _key(key: str, way: Way, caller: str, sequence: int, folder: Path, *, twice: bool) -> str:
    pause = f'<pause milliseconds="{BETWEEN_KEYS_MS}"/>\n'
    if way == "info":
        if twice:
            raise ValueError("SIP INFO can't tell a bounce: it names no times")
        body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
        return _IN_CALL.format(method="INFO", caller=caller, sequence=sequence, rest=body) + pause
    packets = folder / f"key-{KEYS.index(key)}-{sequence}.pcap"
    events = _events(key, sequence * 4000, ends=way == "events")
    if twice:
        # A worn key: a contact of 40 ms, and 20 ms later the one that was meant.
        meant = _events(key, sequence * 4000 + BOUNCED_MS * 8, ends=True)
        events = [*events[:2], *((ms + BOUNCED_MS, event) for ms, event in meant)]
    packets.write_bytes(_packet_file(events, sequence * 16))
    return f'<nop><action><exec play_pcap_audio="{packets}"/></action></nop>\n{pause}'


def _events(key: str, timestamp: int, *, ends: bool) -> list[tuple[int, bytes]]:
    """(ms from the press, what an RTP packet says of it): four packets and three of the end, all with one timestamp."""
    events = []
    for part in range(7 if ends else 4):
        head = struct.pack("!II", timestamp, 0x5157)
        end = 0x8A if part >= 4 else 0x0A
        events.append((part * 20, head + struct.pack("!BBH", KEYS.index(key), end, min(part + 1, 4) * 160)))
    return events


def _packet_file(events: list[tuple[int, bytes]], first: int) -> bytes:
    frames = []
    stamps: set[bytes] = set()
    for number, (ms, event) in enumerate(events, start=first):
        marker = 0 if event[:4] in stamps else 0x80
        stamps.add(event[:4])
        rtp = struct.pack("!BBH", 0x80, 101 | marker, number) + event
        udp = struct.pack("!HHHH", 4000, 4001, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0x7F000001, 0x7F000001) + udp
        frames.append((ms * 1000, b"\0" * 12 + b"\x08\x00" + ip))
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", 1, micros, len(frame), len(frame)) + frame for micros, frame in frames)


def expected_says(script: Script, label: str) -> list[str]:
    """What this call of the transcript hears, in order, but for dates."""
    return [undated(line.text) for line in script.lines if line.verb == "SAYS" and line.call == label]


def undated(said: str) -> str:
    """Without the days it names: transcripts have a clock of their own, a real node has today's."""
    return re.sub(r"\d+月\d+日（星期.）|\w+day, \w+ \d+", "[day]", said)


def checks(script: Script) -> list[Line]:
    """What the database must hold in the end."""
    return [line for line in script.lines if line.verb in ("ORDER", "NO ORDER", "DEMAND", "CALLBACK")]
