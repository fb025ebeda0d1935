"""The whole node with the pyVoIP line on: it registers at the PBX and stands among the lines."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from admin.bootstrap import Node, running
from admin.config import Config, ConfigError
from admin.opening import open_database, prepare_folder, prompt_store, the_wording
from tests.contract.lines.pyvoip_rig import Registrar
from tests.lines.telephone import wait_for


def configured(folder: Path, server: str) -> Config:
    return Config.model_validate(
        {
            "data": str(folder),
            "sip": {"enabled": False},
            "web": {"port": free_port()},
            "media": {"first_port": 25_000, "last_port": 25_998},
            "pyvoip": {
                "enabled": True,
                "port": free_port(),
                "registrar": {"server": server, "user": "600", "password": "secret"},
            },
        }
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_extension_registers_and_is_shown(tmp_path: Path) -> None:
    registrar = Registrar()
    config = configured(tmp_path, f"127.0.0.1:{registrar.port}")
    prepare_folder(config)
    wording = the_wording()
    node = Node(config, open_database(config), wording, prompt_store(config, wording))
    try:
        with running(node):
            assert node.pyvoip is not None
            wait_for(node.pyvoip.is_registered, 5)
            assert ("pyvoip", "up") in [(line.name, line.state) for line in node.line_states()]
    finally:
        registrar.close()


def test_a_pbx_on_the_public_network_is_refused(tmp_path: Path) -> None:
    config = configured(tmp_path, "8.8.8.8:5060")
    wording = the_wording()
    store = open_database(config)
    with pytest.raises(ConfigError, match="not on a private network"):
        Node(config, store, wording, prompt_store(config, wording))
    store.close()
