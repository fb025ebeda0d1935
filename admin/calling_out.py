"""Calling retailers out of a running node: its settings, its dialler, and what the node with the lease does for all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from admin.config import Config
from ivr.dialling.dialler import Dialler
from ivr.dialling.pacing import Pacing
from ivr.dialling.settings import DiallingSettings
from ivr.exchange import Exchange
from ivr.lines.port import Line
from orders import leases
from orders.calling.desk import CallingDesk
from orders.calling.outcomes import RetryPlan
from orders.calling.rules import CallingRules
from orders.calling.schedule import Cared, care
from orders.store import Store, explain

log = structlog.get_logger(__name__)

LEASE = "campaigns"
LEASE_LASTS = timedelta(seconds=90)
CARE_EVERY_S = 30


def calling_rules(config: Config) -> CallingRules:
    """When and how often retailers may be called."""
    campaigns = config.campaigns
    return CallingRules(
        config.zone(),
        campaigns.windows_of_day(),
        campaigns.per_day,
        campaigns.per_month,
        campaigns.spacing_min * 60,
    )


def retry_plan(config: Config) -> RetryPlan:
    """When a retailer is tried again."""
    retry = config.campaigns.retry
    minutes = {
        "no_answer": retry.no_answer,
        "busy": retry.busy,
        "declined": retry.declined,
        "hung_up_early": retry.hung_up,
        "voicemail": retry.voicemail,
        "no_key": retry.no_key,
        "asked_later": retry.later,
        "bad_number": retry.bad_number,
        "line_failed": retry.line_failed,
        "not_known": retry.not_known,
    }
    waits = {outcome: wait * 60 for outcome, wait in minutes.items()}
    return RetryPlan(waits, retry.most, phone_task_after=config.campaigns.phone_task_after)


def calling_desk(config: Config) -> CallingDesk:
    """For `orders.calling`."""
    campaigns = config.campaigns
    number = campaigns.callback_number or campaigns.caller_id
    return CallingDesk(calling_rules(config), retry_plan(config), callback_number=number.removeprefix("+"))


def dialling_settings(config: Config) -> DiallingSettings:
    """For `ivr.dialling`."""
    campaigns = config.campaigns
    pacing = Pacing(
        lines=campaigns.ports,
        most=campaigns.most,
        reserve=campaigns.reserve,
        reserve_at_cutoff=campaigns.reserve_at_cutoff,
        grows_s=campaigns.reserve_grows_min * 60,
        starts_per_s=campaigns.starts_per_s,
    )
    return DiallingSettings(config.node, pacing, campaigns.caller_id, campaigns.ring_s)


def dialler_of(config: Config, store: Store, exchange: Exchange, lines: Mapping[str, Line | None]) -> Dialler | None:
    """The node's dialler, which the exchange knows from now on; None while this node does not call out."""
    if not config.campaigns.enabled:
        return None
    mine = [line for name in config.campaigns.lines if (line := lines.get(name)) is not None]
    dialler = Dialler(
        store,
        calling_desk(config),
        mine,
        dialling_settings(config),
        live=exchange.live_names,
        dialogue=lambda: exchange.dialogue,
    )
    exchange.outgoing = dialler
    return dialler


class CampaignCare:
    """Begins, ends and makes campaigns, on the node that holds the lease; others wait for it to lapse."""

    def __init__(self, store: Store, desk: CallingDesk, config: Config) -> None:
        self._store = store
        self._desk = desk
        self._node = config.node
        self._remind_before = timedelta(minutes=config.campaigns.remind_before_min)

    def add_to(self, schedule: BaseScheduler) -> None:
        """Plan the work."""
        every = IntervalTrigger(seconds=CARE_EVERY_S)
        schedule.add_job(self.care, every, misfire_grace_time=CARE_EVERY_S, coalesce=True, max_instances=1)

    def care(self) -> Cared | None:
        """One round; None when another node leads, or the database can't be used now."""
        try:
            with self._store.transaction() as session:
                held = leases.take(session, LEASE, self._node, self._desk.now(session), LEASE_LASTS)
            if held is None:
                return None
            with self._store.transaction() as session:
                if not leases.still_holds(session, held):
                    return None  # frozen meanwhile: another node does it now
                now = self._desk.now(session)
                cared = care(session, now, self._desk.rules, self._desk.retry, self._remind_before)
        except (SQLAlchemyError, OSError) as error:
            log.error("campaigns_not_cared_for", reason=explain(error))
            return None
        if cared != Cared():
            log.info("campaigns_cared_for", made=cared.made, begun=cared.begun, ended=cared.ended, lost=cared.buried)
        if cared.missed:
            log.warning("retailers_not_reached", retailers=cared.missed, see="orderline campaigns report")
        return cared
