"""Check of the cloud backup line: credentials, the number's setting up, and the way to the webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from admin.checkup.finding import Finding
from admin.config import Config
from admin.config_settings import twilio_settings
from ivr.lines.twilio.library import LibraryMissing
from ivr.lines.twilio.probe import examine
from ivr.lines.twilio.rest import Rest

GIVES_UP_S = 10.0


def check_twilio(config: Config) -> Iterator[Finding]:
    settings = twilio_settings(config)
    if settings is None:
        return
    try:
        rest = Rest(settings.account, settings.token)
        for found in examine(settings, rest, _post):
            yield Finding(found.level, "twilio", found.says, found.do)
    except LibraryMissing as error:
        yield Finding("FAIL", "twilio", "the twilio package is not installed", str(error).partition(": ")[2])


def _post(url: str, params: dict[str, str], headers: dict[str, str]) -> int:
    try:
        return httpx.post(url, data=params, headers=headers, timeout=GIVES_UP_S).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(str(error)) from error
