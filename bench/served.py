"""Programs under measurement, as processes of their own; what they cost; the sound by which they are known."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def served(command: list[str], environment: dict[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """Start it and wait for its line READY; the process and that line. It ends when its standard input does."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert child.stdin
    assert child.stdout
    try:
        ready = next((line for line in child.stdout if line.startswith("READY")), "")
        if not ready:
            raise RuntimeError(f"{command[2]} did not start")
        yield psutil.Process(child.pid), ready
    finally:
        child.stdin.close()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process and its children, so far."""
    processes = [process, *process.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def frames_of(sound: bytes) -> frozenset[bytes]:
    """The frames of 20 ms of a sound in a-law, silence left out."""
    frames = {sound[at : at + 160] for at in range(0, len(sound) - 159, 160)}
    return frozenset(frame for frame in frames if frame.strip(b"\xd5\x55"))


def free_port() -> int:
    """A UDP port of loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
