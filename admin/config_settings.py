"""From the configuration to the settings that each package defines for itself: the one place that knows both."""

from __future__ import annotations

from admin.config import Config, ConfigError, secret
from admin.config_sections import Registrar
from admin.web.settings import SuggestedCaller, WebSettings
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.pyvoip.settings import PyVoipSettings
from ivr.lines.sip.settings import RegistrarSettings, SipSettings
from ivr.lines.twilio.settings import TwilioSettings
from ivr.media.client import MediaSettings
from orders.baskets import BasketRules
from orders.faults.clauses import Terms

SIP_PORT = 5060


def sip_settings(config: Config) -> SipSettings:
    """For `ivr.lines.sip`. Raises ConfigError, also when a password file can't be read."""
    sip = config.sip
    registrar = _registrar(sip.registrar, "sip.registrar.password_file")
    try:
        return SipSettings(
            host=sip.host,
            port=sip.port,
            tcp="tcp" in sip.transports,
            peers=_ipv4(sip.allow),
            trusted_peers=_ipv4(sip.trusted),
            silent_refusal=sip.silent_refusal,
            most_calls=sip.max_calls,
            session_expires_s=sip.session_s,
            min_session_s=sip.min_session_s,
            dead_after_s=sip.dead_after_s,
            laws=sip.codecs,
            outbound=_address(sip.outbound) if sip.outbound else None,
            caller_id=sip.caller_id,
            advertised_host=sip.advertised,
            username=registrar.username if registrar else "",
            password=registrar.password if registrar else "",
            registrar=registrar,
        )
    except ValueError as error:
        raise ConfigError(str(error).replace("sip.advertised_host", "sip.advertised")) from error


def pyvoip_settings(config: Config) -> PyVoipSettings | None:
    """For `ivr.lines.pyvoip`; None while that line is off. Raises ConfigError."""
    pyvoip = config.pyvoip
    registrar = _registrar(pyvoip.registrar, "pyvoip.registrar.password_file")
    if not pyvoip.enabled or registrar is None:
        return None
    try:
        return PyVoipSettings(
            server=registrar.address,
            username=registrar.username,
            password=registrar.password,
            host=pyvoip.host,
            port=pyvoip.port,
            expires_s=registrar.expires_s,
            most_calls=pyvoip.max_calls,
            dead_after_s=config.sip.dead_after_s,
            laws=config.sip.codecs,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def asterisk_settings(config: Config) -> AsteriskSettings | None:
    """For `ivr.lines.asterisk`; None while that line is off. Raises ConfigError."""
    asterisk = config.asterisk
    if not asterisk.enabled:
        return None
    try:
        return AsteriskSettings(
            url=asterisk.url,
            user=asterisk.user,
            password=secret(asterisk.password, asterisk.password_file, "asterisk.password_file"),
            node=config.node,
            most_calls=asterisk.max_calls,
            dial=asterisk.dial,
            agents=asterisk.agents,
            caller_id=asterisk.caller_id,
            dead_after_s=asterisk.dead_after_s,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def twilio_settings(config: Config) -> TwilioSettings | None:
    """For `ivr.lines.twilio`; None while that line is off. Raises ConfigError."""
    twilio = config.twilio
    if not twilio.enabled:
        return None
    try:
        return TwilioSettings(
            account=twilio.account,
            token=secret(twilio.token, twilio.token_file, "twilio.token_file"),
            number=twilio.number,
            public_url=twilio.public_url,
            country=twilio.country,
            key_pause_s=twilio.key_pause_s,
            transfer_ring_s=twilio.transfer_ring_s,
            calls_per_s=twilio.calls_per_s,
            machine_detection=twilio.machine_detection,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def media_settings(config: Config) -> MediaSettings:
    """For `ivr.media`."""
    return MediaSettings(host=config.sip.host, first_port=config.media.first_port, last_port=config.media.last_port)


def web_settings(config: Config, suggested: tuple[SuggestedCaller, ...] = (), demo_pin: str = "") -> WebSettings:
    """For `admin.web`; the last two are of the demonstration."""
    web = config.web
    return WebSettings(
        host=web.host,
        port=web.port,
        allowed_hosts=web.allowed_hosts,
        suggested_callers=suggested,
        demo_pin=demo_pin,
        phone=web.phone == "on" or (web.phone == "auto" and config.is_local_only()),
        threads=web.threads,
        https=web.https,
        proxy=web.proxy,
        open_status=config.is_local_only(),
        time_zone=config.timezone,
    )


def basket_rules(config: Config) -> BasketRules:
    """For `orders.order_desk`."""
    return BasketRules(order_limit=config.orders.order_limit)


def fault_terms(config: Config) -> Terms:
    """For `orders.faults`."""
    health = config.health
    opens, closes = health.office_hours()
    days = {
        "board": health.board_days,
        "node": health.node_days,
        "carrier": health.carrier_days,
        "network": health.network_days,
        "configuration": health.configuration_days,
    }
    return Terms(config.zone(), days, opens, closes)  # type: ignore[arg-type]


def _registrar(registrar: Registrar, password_key: str) -> RegistrarSettings | None:
    if not registrar.server:
        return None
    host, port = _address(registrar.server)
    password = secret(registrar.password, registrar.password_file, password_key)
    return RegistrarSettings(
        f"sip:{registrar.user}@{host}", (host, port), registrar.user, password, registrar.expires_s
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or SIP_PORT)


def _ipv4(networks: tuple[str, ...]) -> tuple[str, ...]:
    """The SIP line listens on IPv4 only: other networks can't reach it."""
    return tuple(network for network in networks if ":" not in network)
