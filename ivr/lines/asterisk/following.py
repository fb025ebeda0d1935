"""A running Asterisk follows the registry: its plant's files are written when they differ, and read again at once.

Asterisk reads trunks, phones, boards, queue members and routes again without ending a call. What a restart is needed
for (a board where there was none, TLS) is said. Whatever could not be done is tried at the next look.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from ivr.lines.asterisk.conf_folder import read_secret, write_files
from ivr.lines.asterisk.rendering import render_plant
from ivr.lines.asterisk.wire import Reply, at
from ivr.plant import Plant, PlantError, checked

log = structlog.get_logger(__name__)

Request = Callable[[str, str], Reply]
BOARDS_DRIVER = "chan_dahdi.so"
_READ_BY = {
    "pjsip_trunks.conf": "res_pjsip.so",
    "pjsip_agents.conf": "res_pjsip.so",
    "queues_members.conf": "app_queue.so",
    "chan_dahdi_boards.conf": BOARDS_DRIVER,
    # Routes last: they name what the others make known.
    "extensions_routes.conf": "pbx_config.so",
}


class Following:
    """One Asterisk and the folder of its files. `problem` says what a person has to do, "" when all is well."""

    def __init__(self, folder: Path, request: Request) -> None:
        self._folder = folder
        self._request = request
        self._unread: set[str] = set()
        self._has_begun = False
        self.problem = ""

    def follow(self, plant: Plant) -> list[str]:
        """Make Asterisk's files say what the plant says; the modules that have read them again. Waits for Asterisk."""
        if not plant.line_names():
            # An installation that goes by a plant file: its files are not ours to empty.
            return []
        try:
            if not (self._folder / "pjsip.conf").is_file():
                raise PlantError(f"{self._folder} holds no pjsip.conf: `orderline asterisk render --to` it once")
            changed = write_files(self._folder, render_plant(checked(plant), read_secret))
        except PlantError as error:
            return self._told(str(error))
        except OSError as error:
            return self._told(f"{self._folder} can't be written ({error.strerror}): give this user the right to")
        self._unread.update(_READ_BY[name] for name in changed)
        if not self._has_begun:
            # A node that wrote them may have died before Asterisk read them: at the start all are read once.
            self._has_begun = True
            self._unread.update(_READ_BY.values())
        unread = [module for module in dict.fromkeys(_READ_BY.values()) if module in self._unread]
        read = [module for module in unread if self._read(module, needed=module != BOARDS_DRIVER or bool(plant.boards))]
        if changed:
            log.info("asterisk_follows", files=changed, read_again=read)
        if not self._unread:
            self.problem = ""
        return read

    def _read(self, module: str, *, needed: bool) -> bool:
        reply = self._request("PUT", at("asterisk", "modules", module))
        if reply.done or (reply.status == 404 and not needed):
            self._unread.discard(module)
        elif reply.status == 404:
            self._told(f"{module} does not run: `orderline asterisk render` all files, then restart Asterisk")
        elif reply.status:
            self._told(f"{module} did not read its files again (status {reply.status}): see Asterisk's log")
        return reply.done

    def _told(self, problem: str) -> list[str]:
        if problem != self.problem:
            log.error("asterisk_does_not_follow", reason=problem)
        self.problem = problem
        return []
