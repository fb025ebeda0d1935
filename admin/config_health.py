"""The section of the configuration about watching lines: probes, spare slots, deadlines of fault tickets."""

from __future__ import annotations

from datetime import time

from pydantic import Field

from admin.config_sections import Section

OFFICE_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"


class Health(Section):
    """Watching lines, boards and nodes: one node leads, judges what all see, and keeps the fault tickets."""

    enabled: bool = Field(default=True, description="whether this node looks, and may lead")
    every_s: float = Field(default=2.0, ge=0.5, le=60, description="how often it looks and, where it leads, judges")
    confirm_s: float = Field(default=10.0, ge=0, le=600, description="a fault seen for so long gets a ticket")
    gone_min: float = Field(
        default=10.0, ge=0, le=1440, description="minutes unseen until the monitor closes its own ticket"
    )
    node_dead_after_s: float = Field(
        default=15.0, ge=5, le=600, description="a node that has said nothing for so long is a fault"
    )
    spare_slots: int = Field(default=1, ge=0, le=50, description="fewer spare slots of a side than this are an alarm")
    test_number: str = Field(
        default="", pattern=r"^[0-9]{0,20}$", description="number that test calls dial, one that greets; empty: none"
    )
    test_every_min: float = Field(
        default=0, ge=0, le=1440, description="minutes between test calls on each line in service; 0: only by hand"
    )
    office_opens: str = Field(default="08:30", pattern=OFFICE_TIME, description="working days begin, local time")
    office_closes: str = Field(default="17:30", pattern=OFFICE_TIME, description="working days end, local time")
    board_days: int = Field(default=1, ge=1, le=30, description="working days until somebody is on site for a board")
    node_days: int = Field(default=1, ge=1, le=30, description="working days until a node is mended")
    carrier_days: int = Field(default=1, ge=1, le=30, description="working days until a carrier has mended its line")
    network_days: int = Field(default=1, ge=1, le=30, description="working days until the network is mended")
    configuration_days: int = Field(default=1, ge=1, le=30, description="working days until it is set right")
    contacts_checked_days: int = Field(
        default=90, ge=1, le=1000, description="a contact nobody has checked for so long is reported by doctor"
    )

    def office_hours(self) -> tuple[time, time]:
        return time.fromisoformat(self.office_opens), time.fromisoformat(self.office_closes)
