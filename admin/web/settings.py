"""What the web side is told at its start, as frozen values; `admin.config` makes them from the configuration."""

from __future__ import annotations

from dataclasses import dataclass

SPARE_THREADS = 6
"""Beside one waiting question per browser call: keys, pages and clips."""


@dataclass(frozen=True, slots=True)
class SuggestedCaller:
    """A number the browser phone offers to call as, with what a caller of it will meet, in both languages."""

    number: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where the web side listens and what it accepts.

    allowed_hosts      names besides loopback by which browsers may ask for it (the Host header, without a port)
    called_number      what the browser phone dials
    suggested_callers  demo retailers, () in production
    demo_pin           shown beside them, "" in production
    phone              whether there is a browser phone: on it one can call as anybody
    calls_per_minute   new browser calls one address may begin
    threads            requests served at once; each browser call in progress holds one
    time_zone          IANA name of the zone in which times are shown
    https              browsers reach it by HTTPS (a proxy in front speaks it): cookies go nowhere else
    proxy              the IP address of that proxy, "" for none: its X-Forwarded-For names who asks
    open_status        the status page is shown without signing in
    most_upload_bytes  the largest file that can be imported by the console
    """

    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    called_number: str = "100"
    suggested_callers: tuple[SuggestedCaller, ...] = ()
    demo_pin: str = ""
    phone: bool = True
    calls_per_minute: int = 12
    threads: int = 16
    most_body_bytes: int = 4096
    time_zone: str = "Asia/Shanghai"
    https: bool = False
    proxy: str = ""
    open_status: bool = True
    most_upload_bytes: int = 8 << 20

    @property
    def most_phone_calls(self) -> int:
        """How many browser calls leave threads for everything else; the browser line is to be given this number."""
        return max(1, self.threads - SPARE_THREADS)
