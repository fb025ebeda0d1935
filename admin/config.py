"""The whole configuration: its sections together, what must hold between them, and the values that follow from them.

No files and no environment in here (`admin.config_reading` reads them), and nothing is created. Each package gets its
own settings from here; nobody passes this object on.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator

from admin.config_campaigns import Campaigns, campaign_problems
from admin.config_health import Health
from admin.config_sections import (
    Asterisk,
    Database,
    Demo,
    Dialogue,
    Log,
    Media,
    Orders,
    PyVoip,
    Sales,
    Section,
    Sip,
    Speech,
    Web,
    path_in,
)
from admin.config_twilio import Twilio
from orders.retrying import RetrySchedule


class ConfigError(Exception):
    """The configuration can't be used; the message names each key, where it stands, and what to write instead."""


class Config(Section):
    """Everything that can be configured. Build it with `admin.config_reading.read_config`."""

    data: str = Field(default="var", min_length=1, description="the data folder: databases, rendered prompts, keys")
    node: str = Field(
        default="node1", pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="this node's name, unique among nodes"
    )
    timezone: str = Field(default="Asia/Shanghai", description="time zone of order days and cut-offs")
    database: Database = Field(default=Database(), description=Database.__doc__)
    web: Web = Field(default=Web(), description=Web.__doc__)
    sip: Sip = Field(default=Sip(), description=Sip.__doc__)
    pyvoip: PyVoip = Field(default=PyVoip(), description=PyVoip.__doc__)
    asterisk: Asterisk = Field(default=Asterisk(), description=Asterisk.__doc__)
    health: Health = Field(default=Health(), description=Health.__doc__)
    twilio: Twilio = Field(default=Twilio(), description=Twilio.__doc__)
    campaigns: Campaigns = Field(default=Campaigns(), description=Campaigns.__doc__)
    media: Media = Field(default=Media(), description=Media.__doc__)
    speech: Speech = Field(default=Speech(), description=Speech.__doc__)
    dialogue: Dialogue = Field(default=Dialogue(), description=Dialogue.__doc__)
    orders: Orders = Field(default=Orders(), description=Orders.__doc__)
    sales: Sales = Field(default=Sales(), description=Sales.__doc__)
    demo: Demo = Field(default=Demo(), description=Demo.__doc__)
    log: Log = Field(default=Log(), description=Log.__doc__)

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        problems = [*_zone_problems(self.timezone), *_sip_problems(self), *_web_problems(self), *_port_problems(self)]
        problems += campaign_problems(self.campaigns, self.sip, self.asterisk)
        if self.pyvoip.enabled and not self.pyvoip.registrar.server:
            problems.append("pyvoip.enabled needs pyvoip.registrar.server: pyVoIP may only be an extension of a PBX")
        if self.asterisk.enabled and not (self.asterisk.password.get_secret_value() or self.asterisk.password_file):
            problems.append("asterisk.password is missing: set ORDERLINE_ASTERISK__PASSWORD or asterisk.password_file")
        opens, closes = self.health.office_hours()
        if closes <= opens:
            problems.append("health.office_closes is not after health.office_opens: a working day would have no hours")
        if self.twilio.enabled and not (self.twilio.token.get_secret_value() or self.twilio.token_file):
            problems.append("twilio.token is missing: set ORDERLINE_TWILIO__TOKEN or twilio.token_file")
        if self.database_url() == self.sales_url():
            problems.append("sales.url is the database of the order line itself: give the sales system its own")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    # -- values that follow from several keys

    @property
    def data_folder(self) -> Path:
        return Path(self.data).expanduser()

    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def database_url(self) -> str:
        """The URL with its password: only for opening the database, never for a log."""
        url = self.database.url or f"sqlite:///{self.data_folder / 'orderline.db'}"
        return _with_password(
            url, secret(self.database.password, self.database.password_file, "database.password_file")
        )

    def sales_url(self) -> str:
        url = self.sales.url or f"sqlite:///{self.data_folder / 'sales.db'}"
        return _with_password(url, secret(self.sales.password, self.sales.password_file, "sales.password_file"))

    def prompt_folder(self) -> Path:
        return path_in(self.data_folder, self.speech.cache, "prompts")

    def recordings_folder(self) -> Path | None:
        return Path(self.speech.recordings).expanduser() if self.speech.recordings else None

    def pin_key_file(self) -> Path:
        return path_in(self.data_folder, self.orders.pin_key_file, "pin.key")

    def console_key_file(self) -> Path:
        return path_in(self.data_folder, self.web.key_file, "console.key")

    def is_local_only(self) -> bool:
        """Whether nothing but this machine reaches the web side: a proxy in front may pass anybody's questions on."""
        has_proxy = bool(self.web.proxy) or self.web.https or self.twilio.enabled
        return is_loopback(self.web.host) and not self.web.allowed_hosts and not has_proxy

    def retry_schedule(self) -> RetrySchedule:
        sales = self.sales
        return RetrySchedule(sales.retry_s, sales.jitter, sales.link_down_after, sales.probe_every_s)


def secret(given: SecretStr, file: str, key: str) -> str:
    """The secret itself, from the environment or its file. Raises ConfigError when the file can't be read."""
    if given.get_secret_value() or not file:
        return given.get_secret_value()
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise ConfigError(f"{key}: {file} can't be read ({reason}): create it or correct the path") from error


# Greedy on purpose: what stands before the last @ may be a password, whatever is in it.
_SECRET_IN_URL = re.compile(r"^([a-z0-9+]+://[^:/@]*):(.*)@")
_SECRET_PARAMETER = re.compile(r"(?i)([?&](?:password|passwd|passfile|sslpassword|secret|token)=)[^&]*")


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return _SECRET_PARAMETER.sub(r"\1***", _SECRET_IN_URL.sub(r"\1:***@", url))


def names_password(url: str) -> bool:
    return bool(_SECRET_IN_URL.match(url) or _SECRET_PARAMETER.search(url))


def _with_password(url: str, password: str) -> str:
    if not password or names_password(url):
        return url
    return re.sub(r"^([a-z0-9+]+://[^:/@]+)@", lambda start: f"{start[1]}:{quote(password, safe='')}@", url)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _zone_problems(name: str) -> list[str]:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return [f"timezone: no time zone {name!r}; write e.g. Asia/Shanghai"]
    return []


def _sip_problems(config: Config) -> list[str]:
    sip = config.sip
    if not sip.enabled:
        return []
    problems = []
    if not sip.allow:
        problems.append("sip.allow is empty: nobody could call; name the networks of your trunks or PBX")
    elif not is_loopback(sip.host) and all(ipaddress.ip_network(network).is_loopback for network in sip.allow):
        problems.append(
            f"sip.host = {sip.host} is open to the network, but sip.allow lets only this machine call: "
            "add the networks of your trunks or PBX"
        )
    if sip.host in ("0.0.0.0", "::"):  # noqa: S104 (it is refused here)
        problems.append(f"sip.host = {sip.host} is no address callers can send sound to: name this machine's own")
    if "udp" not in sip.transports:
        problems.append("sip.transports lacks udp: every SIP line speaks it; tcp may come on top")
    if sip.min_session_s > sip.session_s:
        problems.append("sip.min_session_s is greater than sip.session_s: lower it")
    if sip.registrar.server and not sip.registrar.user:
        problems.append("sip.registrar.user is missing: the PBX knows extensions by their user name")
    return problems


def _web_problems(config: Config) -> list[str]:
    web, problems = config.web, []
    named = 'name in web.allowed_hosts what people write in the address bar, e.g. ["orders.example.com"]'
    if not is_loopback(web.host) and not web.allowed_hosts:
        problems.append(f"web.host = {web.host} is open to the network: {named}")
    elif web.https and not web.allowed_hosts:
        problems.append(f"web.https is for people elsewhere: {named}")
    if web.https and not web.proxy:
        problems.append(
            "web.https needs web.proxy, the address from which the proxy in front asks, e.g. 127.0.0.1: "
            "else all people would share one allowance of sign-ins"
        )
    return problems


def _port_problems(config: Config) -> list[str]:
    sip, web, media, pyvoip = config.sip, config.web, config.media, config.pyvoip
    problems = []
    taken = {("tcp", web.port): "web.port"}
    users = [("sip.port", sip.port, transport) for transport in sip.transports if sip.enabled]
    if pyvoip.enabled:
        users.append(("pyvoip.port", pyvoip.port, "udp"))
    for key, port, transport in users:
        other = taken.setdefault((transport, port), key)
        if other != key:
            problems.append(f"{key} = {port} is taken by {other}: choose another")
        if transport == "udp" and media.first_port <= port <= media.last_port:
            problems.append(f"{key} = {port} lies within media.first_port–media.last_port: choose another")
    calls = sip.max_calls * sip.enabled + pyvoip.max_calls * pyvoip.enabled
    if media.last_port < media.first_port:
        problems.append("media.last_port is below media.first_port: swap them")
    elif (media.last_port - media.first_port) // 2 + 1 < calls:
        problems.append(f"media: {calls} calls need {2 * calls} ports; raise media.last_port or lower max_calls")
    return problems
