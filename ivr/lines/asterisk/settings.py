"""What an Asterisk line is told at start. Values check themselves; times are seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass

APP_PREFIX = "orderline-"


@dataclass(frozen=True, slots=True)
class AsteriskSettings:
    """`url` is the HTTP server of Asterisk ("http://127.0.0.1:8088"), `user` and `password` those of ari.conf; `node`
    is this node's name, unique among the nodes of the same Asterisk.

    `most_calls`: how many calls this node serves at once; what comes beyond is not claimed. `dial` and `agents` are
    where numbers are dialled and callers handed over to, with {number} for what is dialled.

    `silent_after_s`: a websocket without a word for so long is opened again; `lost_after_s`: calls whose Asterisk is
    out of reach for so long are given up; `dead_after_s`: a node that has said nothing for so long is taken for dead
    and its calls are taken over.
    """

    url: str = "http://127.0.0.1:8088"
    user: str = "orderline"
    password: str = ""
    node: str = "node1"
    most_calls: int = 200
    dial: str = "Local/{number}@outbound/n"
    agents: str = "Local/{number}@agents/n"
    outbound_pattern: str = r"\+?[0-9]{3,15}"
    caller_id: str = ""
    transfer_wait_s: float = 30.0
    connect_within_s: float = 5.0
    answer_within_s: float = 5.0
    silent_after_s: float = 3.0
    retry_first_s: float = 0.2
    retry_longest_s: float = 5.0
    lost_after_s: float = 15.0
    beat_s: float = 0.5
    dead_after_s: float = 2.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9/_-]*)?", self.url) or self.url.endswith("/"):
            raise ValueError(f"asterisk.url: {self.url!r} is no address; write e.g. http://127.0.0.1:8088")
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", self.node):
            raise ValueError(f"asterisk.node: {self.node!r} can't be an application's name; use letters and digits")
        for field, template in (("dial", self.dial), ("agents", self.agents)):
            if template.count("{number}") != 1 or not re.fullmatch(r"[A-Za-z0-9_./@{}:-]+", template):
                raise ValueError(f"asterisk.{field}: {template!r} must hold {{number}} once, as PJSIP/{{number}}@trunk")
        if self.most_calls < 1:
            raise ValueError("asterisk.most_calls: a node that takes no call is not to be started")

    @property
    def app(self) -> str:
        """The application's name at Asterisk."""
        return APP_PREFIX + self.node
