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
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        if line.verb == "KEYS":
            for key in line.text:
                parts.append(_key(key, way, caller, sequence, folder))
                sequence += 1
            said = following.text if following and following.verb == "SAYS" else ""
            parts.append(f'<pause milliseconds="{HEARD_MS + A_CHARACTER_MS * _before_total(said)}"/>\n')
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


def _before_total(said: str) -> int:
    """How many characters are said before a total begins: only the total itself, once heard, can be confirmed."""
    total = re.search(r"\d+种\d+条，", said)
    return total.start() if total else 0


_HEARD = ("CALL", "SAYS", "ORDER", "NO ORDER", "DEMAND", "DRAFT", "NO DRAFT", "CALLBACK")


def _key(key: str, way: Way, caller: str, sequence: int, folder: Path) -> str:
    pause = f'<pause milliseconds="{BETWEEN_KEYS_MS}"/>\n'
    if way == "info":
        body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
        return _IN_CALL.format(method="INFO", caller=caller, sequence=sequence, rest=body) + pause
    packets = folder / f"key-{KEYS.index(key)}-{sequence}.pcap"
    packets.write_bytes(_packets(key, sequence, ends=way == "events"))
    return f'<nop><action><exec play_pcap_audio="{packets}"/></action></nop>\n{pause}'


def _packets(key: str, number: int, *, ends: bool) -> bytes:
    """A packet file of one key: four packets of it and three of its end, 20 ms apart, all with the key's timestamp."""
    frames = []
    for part in range(7 if ends else 4):
        end = part >= 4
        event = struct.pack("!BBH", KEYS.index(key), 0x8A if end else 0x0A, min(part + 1, 4) * 160)
        marker = 0x80 if part == 0 else 0
        rtp = struct.pack("!BBHII", 0x80, 101 | marker, number * 16 + part, number * 4000, 0x5157) + event
        udp = struct.pack("!HHHH", 4000, 4001, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0x7F000001, 0x7F000001) + udp
        frames.append((part * 20_000, b"\0" * 12 + b"\x08\x00" + ip))
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", 1, micros, len(frame), len(frame)) + frame for micros, frame in frames)


def expected_says(script: Script, label: str) -> list[str]:
    """What this call of the transcript hears, in order."""
    return [line.text for line in script.lines if line.verb == "SAYS" and line.call == label]


def checks(script: Script) -> list[Line]:
    """What the database must hold in the end."""
    return [line for line in script.lines if line.verb in ("ORDER", "NO ORDER", "DEMAND", "CALLBACK")]
