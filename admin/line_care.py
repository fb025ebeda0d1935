"""A node's part in watching the lines: it looks, tells, lets its Asterisk follow the registry; the leader judges.

What is slow (reading the registry, Asterisk's answers, test calls) happens outside of the transaction that writes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from admin.config import Config, secret
from admin.config_settings import asterisk_settings, fault_terms
from ivr.health.gathering import words
from ivr.health.monitor import LEASE_NAME, Monitor, Rules
from ivr.lines.asterisk.ami import AmiSettings, AmiWatch
from ivr.lines.asterisk.following import Following
from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.asterisk.trial_call import CantTry, call_and_listen
from ivr.plant import Plant
from ivr.plant_registry import registered_plant
from orders import leases
from orders.faults import sightings
from orders.faults.deadlines import NoWorkingDay
from orders.lines.changes import record
from orders.store import Store, explain

log = structlog.get_logger(__name__)

TEST_LEASE = "line-tests"


class LineCare:
    """Looks when the node's schedule says so. `asterisk` is None on a node without that line."""

    def __init__(
        self,
        store: Store,
        config: Config,
        asterisk: AsteriskLine | None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._config = config
        self._asterisk = asterisk
        self._now = now
        self._monitor = Monitor(rules_of(config), fault_terms(config))
        folder = config.asterisk.files
        self._following = Following(Path(folder).expanduser(), asterisk.request) if folder and asterisk else None
        self._ami: AmiWatch | None = None
        self._asked = (False, False)
        self._trouble = ""
        # A node on direct SIP alone has no lines but its own, whose state its status page shows.
        self._is_watching = config.health.enabled and asterisk is not None

    def add_to(self, schedule: BaseScheduler) -> None:
        """Plan the looks as configured."""
        health = self._config.health
        if not self._is_watching:
            return
        every = IntervalTrigger(seconds=health.every_s)
        schedule.add_job(self.look, every, misfire_grace_time=None, coalesce=True, max_instances=1)
        if health.test_every_min and health.test_number:
            every = IntervalTrigger(minutes=health.test_every_min)
            schedule.add_job(self.test_all, every, misfire_grace_time=None, coalesce=True, max_instances=1)

    def look(self) -> None:
        """Tell what this node sees; judge, where it leads; let Asterisk follow. A fault of the store is said once."""
        try:
            plant = self._look()
        except (SQLAlchemyError, NoWorkingDay) as error:
            reason = explain(error)
            if reason != self._trouble:
                log.error("lines_not_watched", reason=reason)
            self._trouble = reason
            return
        self._trouble = ""
        if self._following:
            self._following.follow(plant)

    def stop(self) -> None:
        """This node ends on purpose: nobody is to miss it."""
        if self._ami:
            self._ami.stop()
        if not self._is_watching:
            return
        try:
            with self._store.transaction() as session:
                sightings.forget(session, self._config.node)
        except SQLAlchemyError as error:
            log.warning("node_not_signed_off", reason=explain(error))

    def _look(self) -> Plant:
        """Two transactions: what a node tells is seen from the next look on, by itself as by others."""
        now, node = self._now(), self._config.node
        with self._store.reading() as session:
            plant = registered_plant(session)
            verdict = self._monitor.look(session, plant, now)
        self._ask_by_ami(plant)
        health = self._asterisk.health() if self._asterisk else None
        told = self._words(plant)
        state, address = (health.state, self._config.asterisk.url) if health else ("off", "")
        lasts = timedelta(seconds=max(10.0, 3 * self._config.health.every_s))
        with self._store.transaction() as session:
            sightings.beat(session, node, now, state, address, health.reason if health else "")
            sightings.tell(session, node, told, now)
            held = leases.take(session, LEASE_NAME, node, now, lasts)
            if held is None:
                self._monitor.stand_down()
            else:
                self._monitor.judge(session, held, verdict, now)
        return plant

    def _words(self, plant: Plant) -> dict[str, sightings.Word]:
        endpoints = self._asterisk.endpoints() if self._asterisk else None
        if self._ami is None:
            return words(plant, endpoints, None)
        return words(plant, endpoints, self._ami.channels if plant.boards else None, self._ami.refused)

    def _ask_by_ami(self, plant: Plant) -> None:
        """AMI is opened where ARI does not tell enough: boards, trunks that register. Again when that changes."""
        registering = any(trunk.register for trunk in plant.trunks)
        wanted = (bool(plant.boards), registering)
        if self._asterisk is None or wanted == self._asked:
            return
        if self._ami:
            self._ami.stop()
            self._ami = None
        self._asked = wanted
        if any(wanted):
            asterisk = self._config.asterisk
            password = secret(asterisk.password, asterisk.password_file, "asterisk.password_file")
            settings = AmiSettings(
                port=asterisk.manager_port, password=password, boards=wanted[0], registrations=registering
            )
            self._ami = AmiWatch(settings)
            self._ami.start()

    def test_all(self) -> None:
        """A test call on each line in service, by one node at a time."""
        with self._store.transaction() as session:
            lasts = timedelta(minutes=self._config.health.test_every_min * 0.9)
            if leases.take(session, TEST_LEASE, self._config.node, self._now(), lasts) is None:
                return
            plant = registered_plant(session)
        for line in lines_in_service(plant):
            try:
                try_line(self._store, self._config, plant, line, self._config.health.test_number, self._now)
            except (CantTry, SQLAlchemyError) as error:
                log.warning("line_not_tested", line_name=line, reason=str(error))


def rules_of(config: Config) -> Rules:
    """The monitor's rules as configured."""
    health = config.health
    return Rules(
        confirmed_after=timedelta(seconds=health.confirm_s),
        gone_after=timedelta(minutes=health.gone_min),
        node_dead_after_s=health.node_dead_after_s,
        spare_slots=health.spare_slots,
        test_counts_for=timedelta(minutes=max(30.0, 2 * health.test_every_min)),
    )


def lines_in_service(plant: Plant) -> list[str]:
    """Lines by which calls can go out."""
    out = {
        line for board in plant.boards for slot in board.slots for line in (*slot.out, *_inside(slot.side, slot.lines))
    }
    out |= {trunk.name for trunk in plant.trunks if not trunk.in_service}
    out |= {board.name for board in plant.boards if not board.in_service}
    return [line for line in plant.line_names() if line not in out]


def _inside(side: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    return lines if side == "inside" else ()


def way_of(plant: Plant, line: str) -> str:
    """How Asterisk dials by this line and no other; "" when it can't."""
    if any(trunk.name == line for trunk in plant.trunks):
        return f"PJSIP/{{number}}@{line}"
    for board in plant.boards:
        if board.name == line:
            return f"DAHDI/g{board.group}/{{number}}"
        for slot in board.slots:
            if line in slot.lines and slot.side == "outside":
                return f"DAHDI/{board.channels(slot.number)[slot.lines.index(line)]}/{{number}}"
    return ""


def try_line(
    store: Store, config: Config, plant: Plant, line: str, number: str, now: Callable[[], datetime]
) -> tuple[str, str]:
    """Make a test call and write down what became of it; the result and its detail. Raises CantTry."""
    settings, way = asterisk_settings(config), way_of(plant, line)
    if settings is None or not way:
        raise CantTry(f"{line} can't be tested: asterisk.enabled is false, or no call goes out by this line")
    tried = call_and_listen(settings, way, number, own={entry.number for entry in plant.numbers})
    with store.transaction() as session:
        sightings.tested(session, config.node, line, tried.result, tried.detail, now())
        record(session, line, f"test call: {tried.result}", tried.detail, config.node, now())
    log.info("line_tested", line_name=line, result=tried.result, detail=tried.detail)
    return tried.result, tried.detail


def try_now(store: Store, config: Config, line: str, number: str, now: Callable[[], datetime]) -> tuple[str, str]:
    """As staff asks for it: `number` "" dials the configured one. Raises CantTry."""
    dialled = number or config.health.test_number
    if not dialled:
        raise CantTry("no number to dial: name one, or set health.test_number to one that greets")
    with store.reading() as session:
        plant = registered_plant(session)
    return try_line(store, config, plant, line, dialled, now)
