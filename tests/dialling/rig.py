"""A node that calls out, without threads or wires: dialler, exchange, runner and database for real, a scripted line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from ivr.dialling.dialler import Dialler
from ivr.dialling.pacing import Pacing
from ivr.dialling.settings import DiallingSettings
from ivr.exchange import Exchange
from ivr.lines import port
from ivr.runner import Runner
from ivr.transcripts.stage_set import World
from orders.calling.desk import CallingDesk
from orders.calling.planning import Filters, filters_to_text, plan
from orders.models import CallAttempt, Campaign, CampaignTarget, Retailer
from speech.prompt import Clip
from speech.wording import Wording
from tests.runner.test_exchange import Clips, Inline, VirtualTimers

SETTINGS = DiallingSettings("n1", Pacing(lines=20, most=10, reserve=0.1, starts_per_s=100), "95001")


class CallingLine:
    """A line that only remembers; the test says what the other side does."""

    def __init__(self, name: str = "main") -> None:
        self.name = name
        self.wishes: list[port.Dialled] = []
        self.hung_up: list[str] = []
        self.said: dict[str, list[tuple[int, list[str]]]] = {}

    def dial(self, wish: port.Dialled) -> None:
        self.wishes.append(wish)

    def hang_up(self, call: str) -> None:
        self.hung_up.append(call)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self.said.setdefault(call, []).append((tag, [clip.name for clip in clips]))

    def answer(self, call: str) -> None: ...

    def reject(self, call: str, cause: str) -> None: ...

    def stop_playing(self, call: str) -> None: ...

    def transfer(self, call: str, target: str) -> None: ...


class Rig:
    """`lines` are tried in order. The clock of dialler and database is `self.seconds` after the world's beginning."""

    def __init__(self, wording: Wording, lines: Sequence[CallingLine] = (), **settings: object) -> None:
        self.world = World(wording)
        self.opening = self.world.now()
        self.seconds = 0.0
        self.desk = CallingDesk(now=lambda _session: self.now(), callback_number="95001")
        orders = replace(self.world.desk, calling=self.desk)
        self.runner = Runner(self.world.store, orders, node="n1", boot="b", now=self.now)
        self.timers: VirtualTimers
        self.exchange = Exchange(
            self.runner, Clips(), dialogue=self.world.settings, executor=Inline(), timers=self._virtual
        )
        self.lines = list(lines) or [CallingLine()]
        self.dialler = Dialler(
            self.world.store,
            self.desk,
            self.lines,
            replace(SETTINGS, **settings),  # type: ignore[arg-type]
            live=self.exchange.live_names,
            dialogue=lambda: self.world.settings,
            clock=lambda: self.seconds,
        )
        self.exchange.outgoing = self.dialler

    def now(self):  # type: ignore[no-untyped-def]
        return self.opening + timedelta(seconds=self.seconds)

    def _virtual(self, expired: Callable[[str, int], None]) -> VirtualTimers:
        self.timers = VirtualTimers(expired)
        return self.timers

    def campaign(self, *licences: str, hours: float = 6) -> int:
        """A running campaign for these retailers."""
        with self.world.store.transaction() as session:
            new = Campaign(
                name="test", order_day=self.world.now().date(), state="running", starts_at=self.opening,
                ends_at=self.opening + timedelta(hours=hours), filters=filters_to_text(Filters(licences=licences)),
                created_at=self.opening,
            )  # fmt: skip
            session.add(new)
            session.flush()
            plan(session, new, self.desk.rules, self.now())
            return new.id

    def round(self, after_s: float = 1.0) -> list[port.Dialled]:
        """Time passes, the dialler does a round; what it has dialled."""
        self.seconds += after_s
        before = [len(line.wishes) for line in self.lines]
        self.dialler.tick()
        self.dialler.work_off()
        new = zip(self.lines, before, strict=True)
        return [wish for line, already in new for wish in line.wishes[already:]]

    def report(self, call: str, *events: port.LineEvent, line: int = 0) -> None:
        """The line reports of a call."""
        reports = self.exchange.events_of(lambda: self.lines[line])
        for event in events:
            reports(call, event)
        self.dialler.work_off()

    def keys(self, call: str, keys: str) -> None:
        """The other side keys, one a second, after having heard what is asked."""
        for key in keys:
            self.seconds += 1
            playing = self.lines[0].said[call][-1][0] if call in self.lines[0].said else None
            self.report(call, port.Key(key, self.opening.timestamp() + self.seconds, 2500, playing))

    def said(self, call: str, line: int = 0) -> list[str]:
        """What was said last."""
        return self.lines[line].said[call][-1][1]

    def suspend(self, licence: str) -> None:
        with self.world.store.transaction() as session:
            session.execute(update(Retailer).where(Retailer.licence_no == licence).values(status="suspended"))

    def outcome(self, call: str) -> str:
        """What became of a call."""
        with self.world.store.session() as session:
            return session.scalars(select(CallAttempt.outcome).where(CallAttempt.call_id == call)).one()

    def target(self, campaign: int) -> CampaignTarget:
        """The only target of a campaign."""
        with self.world.store.session() as session:
            return session.scalars(select(CampaignTarget).where(CampaignTarget.campaign_id == campaign)).one()
