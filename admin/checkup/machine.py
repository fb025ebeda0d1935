"""Checks of the machine: folders, disk, clock, ports."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from admin.checkup.finding import Finding
from admin.config import Config, is_loopback

BUILT_AFTER = datetime(2026, 1, 1, tzinfo=UTC)
LITTLE_SPACE, HARDLY_SPACE = 2_000_000_000, 200_000_000
TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that nothing keeps."""


def check_data_folder(config: Config) -> Iterator[Finding]:
    folder = config.data_folder
    if not folder.exists():
        yield _can_be_made(folder)
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError as error:
        do = "give this user write permission, or name another folder in data (ORDERLINE_DATA)"
        yield Finding("FAIL", "data folder", f"{folder} is not writable ({error.strerror})", do)
        return
    yield Finding("OK", "data folder", f"{folder.resolve()} is writable")
    key = config.pin_key_file()
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding("WARN", "PIN key", f"{key} can be read by others", f"chmod 600 {key}")


def _can_be_made(folder: Path) -> Finding:
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if os.access(above, os.W_OK):
        return Finding("OK", "data folder", f"{folder} will be made at first start")
    do = "create it for this user, or name another folder in data (ORDERLINE_DATA)"
    return Finding("FAIL", "data folder", f"{folder} is not there and {above} is not writable", do)


def check_disk(config: Config) -> Iterator[Finding]:
    folder = next(
        path for path in (config.data_folder.absolute(), *config.data_folder.absolute().parents) if path.exists()
    )
    usage = psutil.disk_usage(str(folder))
    says = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB at {folder}"
    if usage.free < HARDLY_SPACE:
        yield Finding("FAIL", "disk", says, "free space now: orders can't be stored without")
    elif usage.free < LITTLE_SPACE:
        yield Finding("WARN", "disk", says, "free space: databases and prompts grow, backups need room")
    else:
        yield Finding("OK", "disk", says)


def check_clock(config: Config) -> Iterator[Finding]:
    now = datetime.now(UTC)
    there = now.astimezone(config.zone())
    local = f"{there:%Y-%m-%d %H:%M} in {config.timezone}"
    if now < BUILT_AFTER:
        yield Finding("FAIL", "clock", f"it is {local}, before this program was made", "set the clock, start NTP")
    elif not _synchronised():
        yield Finding(
            "WARN", "clock", f"it is {local}; NTP does not keep this clock",
            "start systemd-timesyncd or chrony: cut-offs are decided by this clock",
        )  # fmt: skip
    else:
        yield Finding("OK", "clock", f"it is {local}, kept by NTP")


def _synchronised() -> bool:
    """Whether the kernel counts its clock as kept by NTP (adjtimex with nothing to change needs no rights)."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(256)
    return int(libc.adjtimex(timex)) not in (-1, TIME_ERROR)


def check_pages(config: Config) -> Iterator[Finding]:
    web = config.web
    if config.is_local_only():
        yield Finding("OK", "pages", "only this machine reaches them; the status page asks for no sign-in")
    elif web.https or is_loopback(web.host):
        yield Finding("OK", "pages", f"{web.host}: others reach them by a proxy; every page asks for a sign-in")
    else:
        says = f"{web.host}: without HTTPS, passwords and orders cross the network readable"
        yield Finding("WARN", "pages", says, "put an HTTPS proxy in front: web.https, web.proxy, web.host = 127.0.0.1")


def check_ports(config: Config) -> Iterator[Finding]:
    sip = config.sip
    if sip.enabled:
        running = _is_our_web(config.web.host, config.web.port)
        yield _udp_port("sip.port", sip.host, sip.port, running=running)
        if "tcp" in sip.transports:
            yield _tcp_port("sip.port", sip.host, sip.port, running=running)
    if config.pyvoip.enabled:
        yield _udp_port("pyvoip.port", config.pyvoip.host, config.pyvoip.port)
    yield _tcp_port("web.port", config.web.host, config.web.port)
    if sip.enabled:
        yield _rtp_ports(config)


def _udp_port(key: str, host: str, port: int, *, running: bool = False) -> Finding:
    error = _cannot_bind(socket.SOCK_DGRAM, host, port)
    if error is not None and error.errno == errno.EADDRINUSE and running and _answers_options(host, port):
        return Finding("OK", key, f"{host}:{port}/udp: a running SIP line answers there")
    return _port_finding(key, host, port, "udp", error)


def _tcp_port(key: str, host: str, port: int, *, running: bool = False) -> Finding:
    error = _cannot_bind(socket.SOCK_STREAM, host, port)
    if error is not None and error.errno == errno.EADDRINUSE and key == "web.port" and _is_our_web(host, port):
        return Finding("OK", key, f"{host}:{port}/tcp: a running orderline answers there")
    if error is not None and error.errno == errno.EADDRINUSE and running and _answers_options(host, port):
        return Finding("OK", key, f"{host}:{port}/tcp: a running SIP line answers there")
    return _port_finding(key, host, port, "tcp", error)


def _port_finding(key: str, host: str, port: int, kind: str, error: OSError | None) -> Finding:
    where = f"{host}:{port}/{kind}"
    if error is None:
        return Finding("OK", key, f"{where} is free")
    if error.errno == errno.EADDRINUSE:
        return Finding("FAIL", key, f"{where} is taken by another program", f"stop it, or change {key}")
    if error.errno == errno.EACCES:
        return Finding("FAIL", key, f"{where} needs root", f"choose a port above 1023 in {key}")
    host_key = key.replace(".port", ".host")
    return Finding("FAIL", key, f"{where} can't be opened ({error.strerror})", f"name an own address in {host_key}")


def _cannot_bind(kind: socket.SocketKind, host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _answers_options(host: str, port: int) -> bool:
    """Whether a SIP line answers there; that it is ours, the console of the same configuration says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect((host, port))
            own, own_port = probe.getsockname()
            request = (
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {own}:{own_port};branch=z9hG4bK{os.urandom(6).hex()}\r\n"
                f"From: <sip:doctor@{own}>;tag={os.urandom(4).hex()}\r\nTo: <sip:{host}:{port}>\r\n"
                f"Call-ID: {os.urandom(8).hex()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            probe.send(request.encode())
            answer = probe.recv(4096)
        except OSError:
            return False
    return answer.startswith(b"SIP/2.0 200")


def _is_our_web(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0) as probe:
            probe.settimeout(1.0)
            probe.sendall(b"HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return b"Server: orderline" in probe.recv(4096)
    except OSError:
        return False


def _rtp_ports(config: Config) -> Finding:
    """A sample of the range: one port in the middle of each tenth."""
    media, host = config.media, config.sip.host
    ports = range(media.first_port, media.last_port + 1, 2)
    sample = [ports[len(ports) * tenth // 10] for tenth in range(10)] if len(ports) >= 10 else list(ports)
    taken = [port for port in sample if _cannot_bind(socket.SOCK_DGRAM, host, port)]
    where = f"{media.first_port}-{media.last_port}/udp"
    if len(taken) > len(sample) // 2:
        return Finding(
            "FAIL", "media ports", f"most of {where} are taken or closed to us", "choose another range in media"
        )
    if taken:
        return Finding("WARN", "media ports", f"some of {where} are taken (e.g. {taken[0]})", "calls use the others")
    return Finding("OK", "media ports", f"{where} are free, room for {len(ports)} calls")
