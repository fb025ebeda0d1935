"""Twilio's webhooks: signature, form, and the answer as TwiML. What is answered is decided in `ivr.lines.twilio`.

Whoever is not Twilio gets 403 and nothing else, and is counted. What can't be stored gets 503: Twilio then asks once
more, and after that the number's fallback address, which is the other node's.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog
from flask import Blueprint, Response, make_response, request, send_file
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from ivr.lines.twilio.deliveries import BadDelivery, Delivery, What, read_delivery
from ivr.lines.twilio.replies import Reply
from ivr.lines.twilio.settings import TwilioSettings
from ivr.lines.twilio.signing import SIGNATURE, Signatures
from ivr.lines.twilio.twiml import twiml

log = structlog.get_logger(__name__)

TWILIO_PATH = "/twilio/"
MOST_BYTES = 16_384
"""Webhooks carry signed passports of callers' numbers: a few kilobytes."""

WEBHOOKS: dict[str, What] = {
    "voice": "arrived",
    "voice/keys": "keys",
    "voice/silent": "silent",
    "voice/transferred": "transferred",
    "voice/fallback": "fallback",
    "voice/answered": "answered",
    "status": "status",
}

SoundFile = Callable[[str, str, str, str], Path | None]
"""`ivr.lines.twilio.sounds.Sounds.file`."""


class Answering(Protocol):
    """Who decides on webhooks."""

    def take(self, delivery: Delivery) -> Reply: ...

    def apologise(self) -> Reply: ...


class Refusals:
    """How many requests were refused, by reason: "unsigned" or "malformed". Safe from any thread."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, reason: str) -> None:
        with self._lock:
            self._counted[reason] += 1
            total = self._counted[reason]
        # Each power of two: who floods us must not fill the disk.
        if total & (total - 1) == 0:
            log.warning("twilio_refused", reason=reason, total=total)

    def counted(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counted)


class Refused(Exception):
    """Not to be answered; the text is for the counter."""


def twilio_views(
    settings: TwilioSettings, answering: Answering, sound_file: SoundFile, refusals: Refusals
) -> Blueprint:
    """All addresses under /twilio/."""
    views = Blueprint("twilio", __name__)
    signatures = Signatures(settings.token)

    def webhook(what: What) -> Response:
        try:
            delivery = _delivery(what, settings, signatures)
        except Refused as refused:
            refusals.count(str(refused))
            return _document("", 403)
        try:
            reply = answering.take(delivery)
        except Exception as error:
            # A store that fails or a fault of ours: for the caller both mean that another node is to be asked.
            stored = isinstance(error, SQLAlchemyError | OSError)
            log.error("twilio_not_taken", call=delivery.call, what=what, reason=str(error), exc_info=not stored)
            if what != "fallback":
                return _document("", 503)
            reply = answering.apologise()
        return _document(twiml(reply, settings, delivery.call if delivery.dialled else ""), 200)

    for path, what in WEBHOOKS.items():
        views.add_url_rule(
            TWILIO_PATH + path, f"{what}", webhook, methods=["POST"], defaults={"what": what}, strict_slashes=False
        )

    @views.get(TWILIO_PATH + "sounds/<key>.wav")
    def sound(key: str) -> Response:
        asked = request.args
        path = sound_file(key, asked.get("call", ""), asked.get("until", ""), asked.get("by", ""))
        if path is None:
            refusals.count("sound")
            return _document("", 403)
        answer = send_file(path.resolve(), mimetype="audio/wav", conditional=True, etag=key)
        answer.headers["Cache-Control"] = f"private, max-age={settings.sounds_last_s}, immutable"
        return answer

    return views


def _delivery(what: What, settings: TwilioSettings, signatures: Signatures) -> Delivery:
    """What Twilio told us. Raises Refused, with the signature looked at before anything else is."""
    request.max_content_length = MOST_BYTES
    try:
        posted = request.form
    except HTTPException as error:
        raise Refused("malformed") from error
    asked = request.query_string.decode("ascii", "replace")
    url = settings.address(request.path + (f"?{asked}" if asked else ""))
    if not signatures.fits(url, posted, request.headers.get(SIGNATURE, "")):
        raise Refused("unsigned")
    try:
        return read_delivery(what, posted.items(multi=True), request.args, settings.account)
    except BadDelivery as error:
        # Signed, and yet not what Twilio sends: somebody has rearranged a request, or Twilio has changed.
        log.warning("twilio_malformed", what=what, reason=str(error))
        raise Refused("malformed") from error


def _document(text: str, status: int) -> Response:
    answer = make_response(text, status)
    answer.mimetype = "text/xml"
    return answer
