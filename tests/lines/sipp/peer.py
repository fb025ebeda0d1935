"""SIPp as a real peer: runs a scenario of this folder to its end, with the sounds it plays."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import peers
from tests.lines.telephone import wait_for

SCENARIOS = Path(__file__).parent
KEYS = "0123456789*#ABCD"


def run(scenario: str, folder: Path, port: int, *options: str, calls: int = 1, within_s: int = 20) -> None:
    """Call the line at `port`; an AssertionError with SIPp's own words when a call did not go as written."""
    command = [*_command(scenario, folder, calls, within_s), *options, f"127.0.0.1:{port}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=within_s + 15, check=False)
    assert done.returncode == 0, _words(folder, done.stdout[-3000:])


@contextmanager
def answering(scenario: str, folder: Path, *options: str, within_s: int = 20) -> Iterator[int]:
    """SIPp listens; gives its port, and fails at the end when the call did not go as written."""
    port = free_udp_port()
    command = [*_command(scenario, folder, 1, within_s), "-p", str(port), *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sipp:
        try:
            _wait_until_bound(port)
            yield port
            said, _ = sipp.communicate(timeout=within_s + 15)
        finally:
            sipp.kill()
    assert sipp.returncode == 0, _words(folder, said[-3000:])


def _command(scenario: str, folder: Path, calls: int, within_s: int) -> list[str]:
    shutil.copy(SCENARIOS / f"{scenario}.xml", folder)
    return [
        *(str(peers.require("sipp")["sipp"]), "-sf", f"{scenario}.xml", "-i", "127.0.0.1", "-s", "4001"),
        *("-m", str(calls), "-timeout", f"{within_s}s", "-timeout_error", "-nostdin", "-trace_err"),
        *("-mp", str(free_media_port())),
    ]


def _words(folder: Path, said: str) -> str:
    errors = "".join(path.read_text(errors="replace")[-3000:] for path in folder.glob("*_errors.log"))
    return f"{said}\n{errors}"


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_media_port() -> int:
    """SIPp takes this port for sound, the next even one for pictures; it looks for no others when they are taken."""
    for port in random.sample(range(10000, 18000, 10), 100):
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for offset in range(4):
                probes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(
                    ("127.0.0.1", port + offset)
                )
            return port
    raise AssertionError("no four free UDP ports in a row between 10000 and 18000")


def _wait_until_bound(port: int) -> None:
    """SIPp lets others share its port, so only the kernel's own table tells."""
    wait_for(lambda: f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii"), 5)


def may_play() -> bool:
    """SIPp plays captures through a raw socket, which not everybody may open."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


def write_keys(path: Path, keys: str, *, lost: str = "none") -> None:
    """A capture of these keys by RFC 4733 (payload type 101), 100 ms each, 100 ms apart.

    `lost`: "none"; "ends", all end packets; "starts", all with the marker; "most", all but one packet a key, late.
    """
    packets: list[tuple[float, bytes]] = []
    sequence, at = 100, 0.0
    for number, key in enumerate(keys):
        stamp = 8000 + number * 1600
        for packet in range(8):
            end = packet >= 5
            payload = struct.pack("!BBH", KEYS.index(key), 10 | (0x80 if end else 0), min(packet + 1, 5) * 160)
            sequence += 1
            dropped = {
                "none": False,
                "ends": end,
                "starts": packet == 0,
                "most": packet != 3,
            }[lost]
            if not dropped:
                marker = 0x80 if packet == 0 else 0
                header = struct.pack("!BBHII", 0x80, 101 | marker, sequence, stamp, 4711)
                packets.append((at + packet * 0.02, header + payload))
        at += 0.2
    path.write_bytes(_capture(packets))


def _capture(packets: list[tuple[float, bytes]]) -> bytes:
    """Packets as a libpcap file of Ethernet frames."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for at, payload in packets:
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(payload), 0) + payload
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        frame = b"\0" * 12 + b"\x08\0" + ip + udp
        parts += [struct.pack("<IIII", int(at), int(at % 1 * 1_000_000), len(frame), len(frame)), frame]
    return b"".join(parts)
