"""What the web side is told at its start, as frozen values; `admin.config` makes them from the configuration."""

from __future__ import annotations

from dataclasses import dataclass


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
    calls_per_minute   new browser calls one address may begin
    phone_calls        most browser calls at once: the server keeps a thread for each one's waiting question
    time_zone          IANA name of the zone in which times are shown
    """

    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    called_number: str = "100"
    suggested_callers: tuple[SuggestedCaller, ...] = ()
    demo_pin: str = ""
    calls_per_minute: int = 12
    phone_calls: int = 20
    most_body_bytes: int = 4096
    time_zone: str = "Asia/Shanghai"
