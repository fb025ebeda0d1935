"""Whether an Asterisk can serve us, asked over plain HTTP and changing nothing: for `doctor`, beside a running line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
import msgspec

from ivr.lines.asterisk.client import why_not
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import Info

NEEDED_MODULES = (
    "app_stasis_broadcast",  # offers each call to all nodes; Asterisk 22.7 or newer
    "chan_pjsip",
    "format_pcm",  # reads prompts as they are, without transcoding
    "res_ari_applications",
    "res_ari_asterisk",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_events",
    "res_ari_playbacks",
    "res_stasis_answer",
    "res_stasis_playback",
)
PATIENCE = aiohttp.ClientTimeout(total=5)


class NotServed(Exception):
    """Asterisk can't be asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found: `missing` are modules that are not running, in the order they are needed."""

    version: str
    missing: tuple[str, ...]
    nodes: tuple[str, ...]


class _Module(msgspec.Struct):
    name: str
    status: str


class _Registered(msgspec.Struct):
    name: str


def examine(settings: AsteriskSettings) -> Examined:
    """Raises NotServed."""
    return asyncio.run(_examine(settings))


async def _examine(settings: AsteriskSettings) -> Examined:
    login = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
    try:
        async with aiohttp.ClientSession(headers=login, timeout=PATIENCE, raise_for_status=True) as session:
            info = msgspec.json.decode(await _got(session, settings, "asterisk/info"), type=Info)
            modules = msgspec.json.decode(await _got(session, settings, "asterisk/modules"), type=list[_Module])
            nodes = msgspec.json.decode(await _got(session, settings, "applications"), type=list[_Registered])
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NotServed(why_not(error, settings.url)) from error
    except msgspec.DecodeError as error:
        raise NotServed(
            f"{settings.url} does not answer as ARI does: see whether another program has the port"
        ) from error
    running = {module.name.removesuffix(".so") for module in modules if module.status == "Running"}
    missing = tuple(name for name in NEEDED_MODULES if name not in running)
    return Examined(info.system.version, missing, tuple(sorted(node.name for node in nodes)))


async def _got(session: aiohttp.ClientSession, settings: AsteriskSettings, path: str) -> bytes:
    async with session.get(f"{settings.url}/ari/{path}") as response:
        return await response.read()
