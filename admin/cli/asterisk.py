"""`orderline asterisk`: the files that Asterisk reads, from the configuration and the line registry or a plant file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from admin.cli.configured import configured
from admin.config import Config, ConfigError, secret
from admin.opening import StartError, look_into_database
from ivr.lines.asterisk.conf_folder import read_plant, read_secret, write_files
from ivr.lines.asterisk.rendering import render
from ivr.plant import Plant, PlantError, checked
from ivr.plant_registry import registered_plant

TEMPLATES = Path(__file__).resolve().parents[2] / "asterisk_conf"


@click.group()
def asterisk() -> None:
    """Write what Asterisk reads.

    \b
    Examples:
      orderline asterisk render --to /etc/asterisk
      orderline asterisk render --plant plant.toml --to /etc/asterisk
    """


@asterisk.command("render")
@click.option(
    "--plant", "plant_file", type=click.Path(path_type=Path), help="A plant file [default: the line registry]."
)
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="Where the files are written.")
@click.option("--sip-host", default="0.0.0.0", show_default=True, help="Address of the SIP transports.")  # noqa: S104
@click.option("--sip-port", default=5060, show_default=True, help="Port of the SIP transports; TLS one above.")
@click.option("--rtp", default="10000-19999", show_default=True, help="Ports for media, first-last.")
@click.option("--modules", default="/usr/lib/asterisk/modules", show_default=True, help="Asterisk's modules.")
@click.option("--data", default="/usr/share/asterisk", show_default=True, help="Asterisk's own data.")
@click.option("--var", default="/var", show_default=True, help="What its state, spool, log and run folders begin with.")
@configured
def render_files(
    config: Config,
    plant_file: Path | None,
    folder: Path,
    sip_host: str,
    sip_port: int,
    rtp: str,
    modules: str,
    data: str,
    var: str,
) -> None:
    """Write every file of asterisk_conf/ with this installation's values, and what the registry says.

    Files with passwords are readable by their owner alone. Running it again changes only what has changed.
    """
    first, _, last = rtp.partition("-")
    values = {
        "etc": str(folder.resolve()),
        "modules": modules,
        "data": data,
        "state": f"{var}/lib/asterisk",
        "spool": f"{var}/spool/asterisk",
        "run": f"{var}/run/asterisk",
        "log": f"{var}/log/asterisk",
        "music": f"{var}/lib/asterisk/moh",
        "max_channels": str(config.asterisk.max_calls * 6),
        "http_port": str(urlsplit(config.asterisk.url).port or 8088),
        "ari_user": config.asterisk.user,
        "sip_host": sip_host,
        "sip_port": str(sip_port),
        "tls_port": str(sip_port + 1),
        "tls_cert": f"{folder.resolve()}/tls/fullchain.pem",
        "tls_key": f"{folder.resolve()}/tls/key.pem",
        "rtp_first": first,
        "rtp_last": last,
        "queue_wait_s": "600",
        "manager_port": str(config.asterisk.manager_port),
    }
    try:
        password = secret(config.asterisk.password, config.asterisk.password_file, "asterisk.password_file")
        plant = read_plant(plant_file) if plant_file else _registered(config)
        values |= {
            "ari_password": password or _missing("asterisk.password"),
            "manager": "yes" if plant.boards or any(trunk.register for trunk in plant.trunks) else "no",
            "manager_password": password,
        }
        rendered = render(_templates(), values, plant, read_secret)
        changed = len(write_files(folder, rendered))
    except (PlantError, ConfigError, StartError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{folder} can't be written ({error.strerror}): run it as the owner") from error
    click.echo(f"{folder}: {len(rendered.files)} files, {changed} changed")
    if changed:
        click.echo("asterisk -rx 'core reload' (new modules: restart) makes it take effect")


def _missing(key: str) -> str:
    raise ConfigError(f"{key} is empty: ARI needs a password; set it by environment or {key}_file")


def _registered(config: Config) -> Plant:
    store = look_into_database(config)
    with store.session() as session:
        plant = registered_plant(session)
    store.close()
    if not plant.line_names():
        raise PlantError("the line registry is empty: `orderline lines import plant.toml`, or name a file by --plant")
    return checked(plant)


def _templates() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.glob("*.conf"))}
