"""One call of the pyVoIP line: pyVoIP's object for it, and what pyVoIP does not keep. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ivr.lines.sip.clock import Timer
from ivr.lines.sip.numbers import KeyWays
from ivr.lines.sip.served import Served
from ivr.lines.sip.terms import Agreement, Terms


@dataclass(slots=True)
class Conversation:
    """One call: pyVoIP's object, and what it does not keep."""

    id: str
    sip_id: str
    invite: Served
    terms: Terms
    description: str = ""
    agreement: Agreement | None = None
    voip: Any = None
    answered: bool = False
    unacknowledged: Served | None = None
    bye_due: bool = False
    cseq: int = 0
    keys: KeyWays = field(default_factory=KeyWays)
    waiting: Timer | None = None
