"""Stock pyVoIP behind the same scenario: answer, a prompt, seven keys, another prompt. The baseline of `bench.calls`.

pyVoIP wants to register, so a registrar of a few lines stands in the same process.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time

from pyVoIP.VoIP import CallState, InvalidStateError, VoIPCall, VoIPPhone

WANTED = "100001#"
PROMPT, RIGHT = bytes([200, 60]) * 12_000, bytes([180, 80]) * 8_000


def registrar(sock: socket.socket) -> None:
    """Every REGISTER is welcome; answers, which pyVoIP sends here whoever called, go on to the caller."""
    while True:
        data, source = sock.recvfrom(65_000)
        text = data.decode(errors="replace")
        via = re.search(r"(?im)^Via: *SIP/2.0/UDP ([\d.]+):(\d+)", text)
        if text.startswith("SIP/2.0") and via:
            sock.sendto(data, (via.group(1), int(via.group(2))))
        if text.startswith("REGISTER"):
            copied = "\r\n".join(re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq|Contact):.*?$", text))
            copied = copied.replace("\r\r\n", "\r\n").replace("\r\r", "\r")
            sock.sendto(f"SIP/2.0 200 OK\r\n{copied.strip()}\r\nContent-Length: 0\r\n\r\n".encode(), source)


def take(call: VoIPCall) -> None:
    """One call, as pyVoIP's own examples write it."""
    try:
        call.answer()
        call.write_audio(PROMPT)
        keys, ends = "", time.time() + 60
        while call.state == CallState.ANSWERED and time.time() < ends:
            keys += call.get_dtmf()
            if keys.endswith("#"):
                if keys == WANTED:
                    call.write_audio(RIGHT)
                keys = ""
            time.sleep(0.01)
    except InvalidStateError:
        return


def main() -> None:
    """Serve on the port named until standard input ends."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    threading.Thread(target=registrar, args=(sock,), daemon=True).start()
    phone = VoIPPhone(
        "127.0.0.1",
        sock.getsockname()[1],
        "bench",
        "bench",
        myIP="127.0.0.1",
        sipPort=int(sys.argv[1]),
        rtpPortLow=35_000,
        rtpPortHigh=39_000,
        callCallback=take,
    )
    phone.start()
    time.sleep(1)
    print("READY", flush=True)
    sys.stdin.read()
    import os  # noqa: PLC0415

    os._exit(0)


main()
