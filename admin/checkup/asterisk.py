"""Check of the Asterisk that production calls come through."""

from __future__ import annotations

from collections.abc import Iterator

from admin.checkup.finding import Finding
from admin.config import Config
from admin.config_settings import asterisk_settings
from ivr.lines.asterisk.probe import NotServed, examine


def check_asterisk(config: Config) -> Iterator[Finding]:
    settings = asterisk_settings(config)
    if settings is None:
        return
    try:
        found = examine(settings)
    except NotServed as error:
        reason, _, do = str(error).partition(": ")
        yield Finding("FAIL", "asterisk", reason, do)
        return
    if found.missing:
        do = "load them in modules.conf (asterisk_conf/modules.conf names all), then restart Asterisk"
        yield Finding("FAIL", "asterisk", f"{found.version} lacks the modules {', '.join(found.missing)}", do)
        return
    yield Finding("OK", "asterisk", f"{found.version} at {settings.url} has all that is needed")
