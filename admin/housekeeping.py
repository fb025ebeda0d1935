"""What a node does for itself now and then: keep the folder of rendered prompts from filling the disk of the orders."""

from __future__ import annotations

import time

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from speech.prompt_store import PromptStore

log = structlog.get_logger(__name__)

SWEEP_EVERY_H = 1


def add_sweeping(schedule: BaseScheduler, prompts: PromptStore, most_mb: int) -> None:
    """Plan the sweeping of prompts."""
    every = IntervalTrigger(hours=SWEEP_EVERY_H)
    schedule.add_job(sweep_prompts, every, args=(prompts, most_mb), misfire_grace_time=600, coalesce=True)


def sweep_prompts(prompts: PromptStore, most_mb: int) -> None:
    """Remove what was said long ago, when there is too much of it."""
    try:
        removed = prompts.sweep(most_mb * 1024 * 1024, time.time())
    except OSError as error:
        log.warning("prompts_not_swept", reason=str(error))
        return
    if removed:
        log.info("prompts_swept", clips=removed)
