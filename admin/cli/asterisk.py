"""`orderline asterisk`: the files that Asterisk reads, written from the configuration and the plant file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import click

from admin.cli.configured import configured
from admin.config import Config, ConfigError, secret
from ivr.lines.asterisk.rendering import Rendered, render
from ivr.plant import Plant, PlantError, plant_of

TEMPLATES = Path(__file__).resolve().parents[2] / "asterisk_conf"


@click.group()
def asterisk() -> None:
    """Write what Asterisk reads.

    \b
    Examples:
      orderline asterisk render --plant plant.toml --to /etc/asterisk
    """


@asterisk.command("render")
@click.option("--plant", "plant_file", type=click.Path(path_type=Path), required=True, help="Trunks, boards, agents.")
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
    plant_file: Path,
    folder: Path,
    sip_host: str,
    sip_port: int,
    rtp: str,
    modules: str,
    data: str,
    var: str,
) -> None:
    """Write every file of asterisk_conf/ with this installation's values, and what the plant file says.

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
        "manager_port": "5038",
    }
    try:
        password = secret(config.asterisk.password, config.asterisk.password_file, "asterisk.password_file")
        plant = _plant(plant_file)
        values |= {
            "ari_password": password or _missing("asterisk.password"),
            "manager": "yes" if plant.boards else "no",
            "manager_password": password,
        }
        rendered = render(_templates(), values, plant, lambda file: _read_secret(plant_file.parent / file))
    except (PlantError, ConfigError) as error:
        raise click.ClickException(str(error)) from error
    changed = _write(folder, rendered)
    click.echo(f"{folder}: {len(rendered.files)} files, {changed} changed")
    if changed:
        click.echo("asterisk -rx 'core reload' (new modules: restart) makes it take effect")


def _missing(key: str) -> str:
    raise ConfigError(f"{key} is empty: ARI needs a password; set it by environment or {key}_file")


def _plant(file: Path) -> Plant:
    try:
        return plant_of(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlantError(f"{file} can't be read ({error.strerror}): name the plant file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlantError(f"{file} is no TOML: {error}") from error


def _read_secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PlantError(f"password file {file} can't be read: create it or correct the plant file") from error


def _templates() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.glob("*.conf"))}


def _write(folder: Path, rendered: Rendered) -> int:
    changed = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in rendered.files.items():
            path = folder / name
            if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
                continue
            half = path.with_name(f".{name}.half")
            half.touch(mode=0o600 if name in rendered.secret else 0o644)
            half.write_text(text, encoding="utf-8")
            os.replace(half, path)
            changed += 1
    except OSError as error:
        raise click.ClickException(f"{folder} can't be written ({error.strerror}): run it as the owner") from error
    return changed
