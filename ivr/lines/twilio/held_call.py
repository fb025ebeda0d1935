"""One call whose events somebody follows (the port), as the line keeps it: what it was told since the last webhook.

Plain state under one lock; `ivr.lines.twilio.line` decides. A webhook waits here, for a moment, for its answer.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from ivr.lines.twilio.replies import Listening, Reply


@dataclass(slots=True)
class HeldCall:
    """Everything is read and written under `changed`.

    step       the number of the answer given last; what follows on another one came too late
    last       that answer, for when the same webhook comes again
    told       what the next answer is to be, None while nothing was said
    asking     whether a webhook waits for it
    playing    the tag of what is being played, None in silence; `playing_ms` how long it is, `played_at` since when
    """

    id: str
    sid: str = ""
    step: int = 0
    last: Reply | None = None
    told: Reply | None = None
    asking: bool = False
    answered: bool = False
    dialled: bool = False
    ended_by_us: bool = False
    cancelled: bool = False
    gone: bool = False
    playing: int | None = None
    playing_ms: int = 0
    played_at: float = 0.0
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def tell(self, reply: Reply) -> bool:
        """What the call is to do next; False when no webhook waits for it."""
        self.told = reply
        self.changed.notify_all()
        return self.asking

    def wait(self, within_s: float, once_answered_s: float) -> None:
        """Until something was told: so long, but no longer than that once the call was picked up."""
        began = time.monotonic()
        while self.told is None and not self.gone:
            most = min(within_s, once_answered_s) if self.answered else within_s
            left = began + most - time.monotonic()
            if left <= 0:
                return
            self.changed.wait(left)

    def answer(self, otherwise: Reply) -> Reply:
        """The answer to the webhook that waits; silence and listening when nothing was told."""
        reply, self.told = self.told or otherwise, None
        if isinstance(reply, Listening) and reply.sounds:
            self.played_at = time.monotonic()
        self.last = reply
        return reply
