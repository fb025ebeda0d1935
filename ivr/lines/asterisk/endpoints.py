"""Which trunks and phones answer OPTIONS, as Asterisk sees it: listed when the websocket opens, then by its events.

What happened in a gap is in the list. One mapping is replaced by another, so that any thread may read it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.lines.asterisk.call import Asking
from ivr.lines.asterisk.wire import ContactStatusChange, Endpoint, Reply, at, decoded

TECHNOLOGY = "PJSIP"


class EndpointWatch:
    """`states` by name, None while nobody can say."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask
        self.states: Mapping[str, str] | None = None

    def opened(self, app: str) -> None:
        """Subscribe before listing: what changes in between is heard, and said once more by the list."""
        self._ask("POST", at("applications", app, "subscription"), query={"eventSource": f"endpoint:{TECHNOLOGY}"})
        self.list_all()

    def list_all(self) -> None:
        """Also after Asterisk has read its files again: endpoints that are new or gone have no event."""
        self._ask("GET", at("endpoints", TECHNOLOGY), self._listed)

    def closed(self) -> None:
        self.states = None

    def heard(self, event: ContactStatusChange) -> None:
        if self.states is not None and event.endpoint.technology == TECHNOLOGY:
            self.states = {**self.states, event.endpoint.resource: event.endpoint.state}

    def _listed(self, reply: Reply) -> None:
        # 404: not one is configured.
        endpoints = [] if reply.status == 404 else decoded(reply, list[Endpoint])
        if endpoints is not None:
            self.states = {one.resource: one.state for one in endpoints}
