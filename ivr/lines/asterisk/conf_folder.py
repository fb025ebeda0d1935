"""The folder of Asterisk's files: written whole or not at all, passwords for their owner alone, secrets read."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import msgspec

from ivr.lines.asterisk.rendering import Rendered
from ivr.plant import Plant, PlantError, plant_of


def read_plant(file: Path) -> Plant:
    """The plant of a file, its password files by absolute path. Raises PlantError."""
    try:
        plant = plant_of(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlantError(f"{file} can't be read ({error.strerror}): name the plant file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlantError(f"{file} is no TOML: {error}") from error

    def found(path: str) -> str:
        return str((file.parent / path).resolve()) if path else ""

    replace = msgspec.structs.replace
    trunks = tuple(replace(trunk, password_file=found(trunk.password_file)) for trunk in plant.trunks)
    agents = tuple(replace(agent, password_file=found(agent.password_file)) for agent in plant.agents)
    return replace(plant, trunks=trunks, agents=agents)


def read_secret(file: str) -> str:
    """Raises PlantError."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PlantError(f"password file {file} can't be read: create it or correct the plant") from error


def write_files(folder: Path, rendered: Rendered) -> list[str]:
    """Write what has changed; the names of these files. Raises OSError."""
    changed = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered.files.items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            continue
        half = path.with_name(f".{name}.half")
        half.touch(mode=0o600 if name in rendered.secret else 0o644)
        half.write_text(text, encoding="utf-8")
        os.replace(half, path)
        changed.append(name)
    return changed
