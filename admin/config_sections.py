"""The sections of the configuration: every key, its default, its bounds and the words that explain it.

Plain frozen models; each checks itself only. What must hold between sections stands in `admin.config`. No files, no
environment, no I/O. A section's method turns it into the settings of the package that it is for.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from ivr.dialogue.settings import Settings as DialogueSettings


class Section(BaseModel):
    """Unknown keys are errors; values do not change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is no network; write e.g. 192.0.2.0/24 or 192.0.2.7") from None


def _host(text: str) -> str:
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:")
    if not text or not set(text) <= allowed:
        raise ValueError(f"{text!r} is neither an address nor a host name; write e.g. 127.0.0.1")
    return text


def _host_port(text: str) -> str:
    host, _, port = text.partition(":")
    if text:
        _host(host)
        if port and not (port.isdigit() and 1 <= int(port) <= 65535):
            raise ValueError(f"{text!r} names no port; write host:port, e.g. pbx.example.com:5060")
    return text


HostPort = Annotated[str, AfterValidator(_host_port)]
Host = Annotated[str, AfterValidator(_host)]
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


class Database(Section):
    """Where retailers, drafts, orders and calls are kept."""

    url: str = Field(default="", description="SQLAlchemy URL; empty: sqlite:///<data>/orderline.db (one node only)")
    password: SecretStr = Field(default=SecretStr(""), description="put into the URL when it names none")
    password_file: str = Field(default="", description="a file that holds the password")
    pool_size: int = Field(default=10, ge=1, le=200, description="connections kept open (PostgreSQL)")


class Web(Section):
    """The console and the browser phone."""

    host: Host = Field(
        default="127.0.0.1", description="address to listen on; anything but loopback needs allowed_hosts"
    )
    port: Port = Field(default=8080, description="TCP port")
    allowed_hosts: tuple[Host, ...] = Field(
        default=(), description="host names people use in the address bar, beside loopback"
    )
    phone: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="the browser phone, on which one can call as anybody; auto: only while nothing but this machine "
        "reaches the page",
    )
    threads: int = Field(
        default=16, ge=4, le=200, description="requests served at once; each open browser phone holds one"
    )
    https: bool = Field(
        default=False, description="browsers reach the console by HTTPS only (a proxy in front speaks it)"
    )
    proxy: str = Field(
        default="",
        pattern=r"^[0-9A-Fa-f.:]*$",
        description="the IP address from which that proxy asks; who asks it is read from its X-Forwarded-For",
    )
    second_factor: Literal["auto", "all", "offered"] = Field(
        default="auto",
        description="all: nobody works in the console without one; auto: all as soon as more than this machine reaches "
        "it",
    )
    key: SecretStr = Field(
        default=SecretStr(""), description="what cookies and second factors are protected by, alike on all nodes"
    )
    key_file: str = Field(default="", description="the file of that key, made at first use [data/console.key]")


class Registrar(Section):
    """A PBX or provider to register with as an extension; server empty: no registration."""

    server: HostPort = Field(default="", description="host or host:port; empty: none")
    user: str = Field(default="", description="the extension's user name")
    password: SecretStr = Field(default=SecretStr(""), description="the extension's password")
    password_file: str = Field(default="", description="a file that holds the password")
    expires_s: int = Field(default=300, ge=60, le=86_400, description="how long one registration is asked for")


class Sip(Section):
    """The direct SIP line."""

    enabled: bool = Field(default=True, description="whether this line is up")
    host: Host = Field(
        default="127.0.0.1", description="address to listen on; anything but loopback needs an allow-list"
    )
    port: Port = Field(
        default=5062, description="UDP and TCP port; 5060 is left to a PBX or softphone on the same machine"
    )
    transports: tuple[Literal["udp", "tcp"], ...] = Field(
        default=("udp", "tcp"), min_length=1, description="what to listen on; UDP is always among them"
    )
    allow: tuple[Network, ...] = Field(default=("127.0.0.0/8",), description="who may call: networks of trunks, PBX")
    trusted: tuple[Network, ...] = Field(
        default=(), description="whose P-Asserted-Identity counts as the caller's number"
    )
    codecs: tuple[Literal["alaw", "ulaw"], ...] = Field(
        default=("alaw", "ulaw"), min_length=1, description="G.711 laws, the best liked first"
    )
    max_calls: int = Field(default=300, ge=1, le=2000, description="calls at once; further ones hear busy")
    silent_refusal: bool = Field(default=False, description="give strangers no answer instead of 403")
    dead_after_s: float = Field(
        default=30.0, ge=0, le=600, description="no sound from a caller for so long: line dead; 0: never"
    )
    session_s: int = Field(default=1800, ge=90, le=86_400, description="session timer (RFC 4028) asked for")
    min_session_s: int = Field(default=90, ge=90, le=3600, description="shortest session timer accepted")
    outbound: HostPort = Field(default="", description="host:port that takes calls out; empty: none")
    caller_id: str = Field(default="", pattern=r"^[+0-9]{0,20}$", description="the number shown when calling out")
    advertised: Annotated[str, Field(pattern=r"^(\d{1,3}(\.\d{1,3}){3})?$")] = Field(
        default="", description="the IPv4 address others reach us by, behind NAT; empty: the one calls come in on"
    )
    registrar: Registrar = Field(default=Registrar(), description="registration with a PBX or provider")


class PyVoip(Section):
    """A second signalling: pyVoIP as a plain extension of a trusted PBX (needs the extra `orderline[pyvoip]`)."""

    enabled: bool = Field(default=False, description="whether this line is up")
    host: Host = Field(default="127.0.0.1", description="address to listen on, in the PBX's network")
    port: Port = Field(default=5064, description="UDP port")
    max_calls: int = Field(default=25, ge=1, le=100, description="calls at once")
    registrar: Registrar = Field(default=Registrar(), description="the PBX; required when enabled")


def _dial_template(text: str) -> str:
    if text.count("{number}") != 1 or not set(text) <= set(_TEMPLATE_CHARACTERS):
        raise ValueError(f"{text!r} must hold {{number}} once; write e.g. Local/{{number}}@outbound/n")
    return text


_TEMPLATE_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@:{}"
DialTemplate = Annotated[str, AfterValidator(_dial_template)]


class Asterisk(Section):
    """The production gateway: an Asterisk (22.7 or newer), controlled by ARI. Needs the files of asterisk_conf/."""

    enabled: bool = Field(default=False, description="whether this line is up")
    url: str = Field(
        default="http://127.0.0.1:8088",
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$",
        description="Asterisk's HTTP server (http.conf)",
    )
    user: str = Field(default="orderline", pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="the user in ari.conf")
    password: SecretStr = Field(default=SecretStr(""), description="its password")
    password_file: str = Field(default="", description="a file that holds the password")
    max_calls: int = Field(
        default=200, ge=1, le=2000, description="calls at once; further ones go to another node or to the agents' queue"
    )
    dial: DialTemplate = Field(
        default="Local/{number}@outbound/n", description="where numbers are dialled: a context of the dialplan, a trunk"
    )
    agents: DialTemplate = Field(
        default="Local/{number}@agents/n", description="where callers are handed over; {number} is dialogue.agents"
    )
    caller_id: str = Field(default="", pattern=r"^[+0-9]{0,20}$", description="the number shown when calling out")
    dead_after_s: float = Field(
        default=2.0, ge=1, le=60, description="a node silent for so long is dead: its calls are taken over"
    )
    manager_port: Port = Field(default=5038, description="port of manager.conf, for alarms of voice boards")
    files: str = Field(
        default="", description="Asterisk's own folder, kept as the line registry says by this node; empty: by nobody"
    )


class Media(Section):
    """The media process: RTP of all SIP calls."""

    first_port: Port = Field(default=20_000, description="first UDP port for RTP; each call takes an even one")
    last_port: Port = Field(default=29_998, description="last UDP port for RTP")


class Speech(Section):
    """What callers hear."""

    languages: tuple[Literal["zh", "en"], ...] = Field(
        default=("zh", "en"), min_length=1, description="what prompts are rendered in"
    )
    recordings: str = Field(
        default="", description="folder of recorded prompts, which win over synthetic ones; empty: none"
    )
    cache: str = Field(default="", description="folder of rendered prompts; empty: <data>/prompts")
    cache_mb: int = Field(
        default=2000, ge=100, le=1_000_000, description="size it may have; prompts with values go, longest unused first"
    )


class Dialogue(Section):
    """The numbers a conversation runs by."""

    first_key_ms: Milliseconds = Field(default=6000, description="how long a caller may think before the first key")
    between_keys_ms: Milliseconds = Field(default=4000, description="how long between two keys of one entry")
    heard_enough_ms: Milliseconds = Field(default=400, description="keys after so much of a prompt answer that prompt")
    misses_allowed: int = Field(default=3, ge=1, le=9, description="misses in a row before an agent is offered")
    most_cartons: int = Field(
        default=500, ge=1, le=99_999, description="more of one article is taken for a slip of the finger"
    )
    recording: bool = Field(default=False, description="whether callers are told that the call is recorded")
    agents: str = Field(
        default="", description="where callers are transferred to (SIP URI or extension); empty: call-backs only"
    )
    slow_factor_percent: int = Field(
        default=160, ge=100, le=400, description="how much longer assisted retailers may take"
    )

    def settings(self) -> DialogueSettings:
        return DialogueSettings(**self.model_dump())


class Orders(Section):
    """The rules of ordering that are not data of the catalogue."""

    order_limit: int = Field(default=200, ge=1, le=99_999, description="most cartons of one article in one order")
    pin_key: SecretStr = Field(default=SecretStr(""), description="the secret under which PINs are hashed")
    pin_key_file: str = Field(
        default="", description="a file that holds it; empty: <data>/pin.key, made at first start"
    )


class SalesHttp(Section):
    """A sales system over HTTP and JSON, as docs/sales-api.yaml describes; `sales.system` must be http_json."""

    url: str = Field(default="", description="where its API begins, e.g. https://sales.example.com/orderline")
    secret: SecretStr = Field(default=SecretStr(""), description="the shared secret that requests are signed with")
    secret_file: str = Field(default="", description="a file that holds the secret")
    gives_up_after_s: float = Field(default=20.0, ge=1, le=50, description="how long one request may take in all")
    allow_private: bool = Field(default=False, description="whether it may stand on this machine or a private network")
    ca_file: str = Field(default="", description="its certificate authority, when that is none of the public ones")


class SalesTryton(Section):
    """A Tryton server; `sales.system` must be tryton."""

    url: str = Field(default="", description="its address, e.g. https://erp.example.com")
    database: str = Field(default="", description="the name of its database")
    user: str = Field(default="", description="the user who sells there for the order line")
    password: SecretStr = Field(default=SecretStr(""), description="that user's password")
    password_file: str = Field(default="", description="a file that holds the password")
    company: str = Field(default="", description="the company's name there; empty: the user's only one")
    taxes: Literal["none", "added"] = Field(
        default="none", description="none: our prices are what the retailer pays; added: taxes come on top"
    )
    create_missing: bool = Field(default=False, description="whether unknown retailers and articles are made there")
    calls_at_once: int = Field(default=2, ge=1, le=64, description="requests at once: as many as it has web processes")
    gives_up_after_s: float = Field(default=45.0, ge=1, le=55, description="how long one order may take in all")
    ca_file: str = Field(default="", description="its certificate authority, when that is none of the public ones")


class SalesCsv(Section):
    """A folder that the sales system empties; `sales.system` must be csv_drop."""

    folder: str = Field(default="", description="the drop folder; its parent must be there (a mounted share)")


class Sales(Section):
    """Handing orders over to the sales system."""

    system: Literal["sql_tables", "http_json", "csv_drop", "tryton"] = Field(
        default="sql_tables", description="what kind of system: tables, an API, a folder of CSV files, a Tryton server"
    )
    tryton: SalesTryton = Field(default=SalesTryton(), description=SalesTryton.__doc__)
    csv: SalesCsv = Field(default=SalesCsv(), description=SalesCsv.__doc__)
    http: SalesHttp = Field(default=SalesHttp(), description=SalesHttp.__doc__)
    url: str = Field(default="", description="SQLAlchemy URL of the sales tables; empty: sqlite:///<data>/sales.db")
    password: SecretStr = Field(default=SecretStr(""), description="put into the URL when it names none")
    password_file: str = Field(default="", description="a file that holds the password")
    retry_s: tuple[Annotated[int, Field(ge=1, le=604_800)], ...] = Field(
        default=(5, 300, 1800, 7200, 18_000, 36_000, 36_000),
        min_length=1,
        description="seconds to wait after the first, second … failure; after the last the order needs a person",
    )
    jitter: float = Field(default=0.2, ge=0, le=0.5, description="the random share of each wait")
    link_down_after: int = Field(
        default=2, ge=1, le=20, description="failures in a row after which callers hear 'registered'"
    )
    probe_every_s: int = Field(default=15, ge=1, le=3600, description="how often a sales system that is down is tried")
    parallel: int = Field(
        default=0, ge=0, le=64, description="retailers handed over at once; 0: what suits the system (4; Tryton 32)"
    )
    reconcile_at: str = Field(
        default="22:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="when both sides are compared, each day"
    )
    follow_every_min: int = Field(
        default=15, ge=1, le=1440, description="how often booked and debited orders are asked for"
    )


class Demo(Section):
    """The demonstration call of `orderline serve --demo`."""

    caller: str = Field(default="13800000001", pattern=r"^[+0-9]{3,20}$", description="who calls")
    called: str = Field(default="100", pattern=r"^[+0-9]{1,20}$", description="the number that is dialled")
    keys: str = Field(
        default="1 1234# 1 1 1", description="what is keyed, a group after each prompt (see `orderline call --help`)"
    )


class Log(Section):
    """The log, on standard error or in a file. Phone numbers are masked; keys, PINs and transcripts never get in."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="how much")
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto: console on a terminal, else JSON lines"
    )
    file: str = Field(default="", description="append to this file; empty: standard error")


def path_in(data: Path, chosen: str, otherwise: str) -> Path:
    """The chosen path, or the usual one within the data folder."""
    return Path(chosen).expanduser() if chosen else data / otherwise
