"""The section [twilio] of the configuration: the cloud backup line."""

from __future__ import annotations

from pydantic import Field, SecretStr

from admin.config_sections import Section


class Twilio(Section):
    """The cloud backup line: a number at Twilio, which asks this node by webhooks (needs `orderline[twilio]`)."""

    enabled: bool = Field(default=False, description="whether this line is up")
    account: str = Field(default="", description="the account's SID, AC and 32 digits")
    token: SecretStr = Field(
        default=SecretStr(""), description="the account's auth token, which webhooks are signed by"
    )
    token_file: str = Field(default="", description="a file that holds the token")
    number: str = Field(default="", description="the number callers dial there, with country code: +862160001111")
    public_url: str = Field(
        default="",
        description="how Twilio reaches this node, e.g. https://orders.example.com (a proxy before web.port)",
    )
    country: str = Field(
        default="86", pattern=r"^[1-9][0-9]{0,2}$", description="country code of numbers that are dialled without one"
    )
    key_pause_s: int = Field(
        default=2, ge=1, le=10, description="keys are taken once none has come for so long; shorter answers faster"
    )
    transfer_ring_s: int = Field(default=30, ge=5, le=600, description="how long agents are rung for a caller")
    calls_per_s: float = Field(default=1.0, gt=0, le=100, description="how fast calls out may begin there")
    machine_detection: bool = Field(default=True, description="whether it listens for answering machines, calling out")
