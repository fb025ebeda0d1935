"""One scripted call from dialling to its end: the script is followed, what is heard is named, the outcome is told.

Here signalling, sound and script meet; each of them stands in a module of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from aiosipua import SdpMessage

from ivr.caller.clip_index import ClipIndexes
from ivr.caller.hearing import Hearing
from ivr.caller.plan import (
    Act,
    CallOutcome,
    CallPlan,
    EndedBy,
    Group,
    HangUpNow,
    KeyedGroup,
    Moment,
    Pause,
    PlanError,
)
from ivr.caller.rtp import RtpWire
from ivr.caller.session import NoAgreement, agreed, offer
from ivr.caller.signalling import Refused, SipLeg, find_target

CAUSES = {
    401: "challenged",
    403: "forbidden",
    404: "unknown number",
    407: "challenged",
    408: "no answer",
    480: "no answer",
    486: "busy",
    488: "no common codec",
    503: "line not available",
    600: "busy",
    603: "declined",
}


async def place_call(
    plan: CallPlan, on_moment: Callable[[Moment], None] = lambda _: None, indexes: ClipIndexes | None = None
) -> CallOutcome:
    """Place the call and stay in it to its end; `on_moment` is told of each step as it happens.

    Who places many calls gives them one `indexes`, made of the folder of prompts.
    Raises PlanError for a plan that can't be followed, OSError when this machine can't open a socket.
    """
    acts = plan.checked()
    target = await find_target(plan.to, plan.transport)
    leg = SipLeg(target)
    indexes = indexes or ClipIndexes(plan.prompts)
    for law in plan.laws:  # before the call: reading files in it would hold up its sound
        await asyncio.to_thread(indexes.of, law)
    call = _ScriptedCall(plan, acts, leg, Hearing(indexes, on_moment), on_moment)
    try:
        try:
            host, _ = await leg.start()
        except ConnectionError as error:
            return call.refused(
                Refused(0, f"no connection to {target.address[0]}:{target.address[1]} ({error.strerror})")
            )
        return await call.run(plan.local_host or host)
    finally:
        await call.close()


class _ScriptedCall:
    def __init__(
        self,
        plan: CallPlan,
        acts: tuple[Act, ...],
        leg: SipLeg,
        hearing: Hearing,
        on_moment: Callable[[Moment], None],
    ) -> None:
        self._plan = plan
        self._acts = acts
        self._leg = leg
        self._tell = on_moment
        self._wire: RtpWire | None = None
        self._hearing = hearing
        self._host = ""
        self._keyed: list[KeyedGroup] = []

    async def run(self, host: str) -> CallOutcome:
        self._host = host
        self._wire = await RtpWire.open(host, self._hearing.take)
        self._leg.on_ringing = lambda status: self._tell(Moment(0, "RINGING", str(status)))
        self._leg.on_new_offer = self._answer_new_offer
        verdict = await self._leg.dial(self._plan.caller, self._plan.password, self._describe(), self._plan.ring_s)
        if isinstance(verdict, Refused):
            return self.refused(verdict)
        try:
            self._connect(verdict)
        except NoAgreement as reason:
            await self._leg.hang_up()
            return self._ended("caller", str(reason))
        self._hearing.start()
        self._tell(Moment(0, "ANSWERED", ""))
        return await self._follow()

    async def close(self) -> None:
        await self._leg.close()
        if self._wire is not None:
            await self._wire.close()

    # -- the session

    def _describe(self, direction: str = "sendrecv") -> SdpMessage:
        assert self._wire is not None
        return offer(
            self._host,
            self._wire.port,
            self._plan.laws,
            with_events=self._plan.key_way == "rfc4733",
            direction=direction,
        )

    def _connect(self, description: SdpMessage | None) -> str:
        """Send as agreed from now on; our direction in the answer. Raises NoAgreement."""
        assert self._wire is not None
        terms = agreed(description)
        self._wire.connect(terms.remote, terms.law, terms.events_type)
        return terms.direction

    def _answer_new_offer(self, description: SdpMessage | None) -> SdpMessage | None:
        """The line changes the session within the call (hold, another address): None refuses."""
        if description is None:
            return self._describe()
        try:
            return self._describe(self._connect(description))
        except NoAgreement:
            return None

    # -- the script

    async def _follow(self) -> CallOutcome:
        script = asyncio.create_task(self._act(), name="caller-script")
        over = self._leg.over
        try:
            await asyncio.wait({script, over}, return_when=asyncio.FIRST_COMPLETED)
            if over.done():
                return self._ended("line", over.result())
            cause = script.result()
            await self._leg.hang_up()
            return self._ended("caller", cause)
        finally:
            script.cancel()
            await asyncio.gather(script, return_exceptions=True)

    async def _act(self) -> str:
        """Do as the script says; returns why the caller ends the call."""
        for act in self._acts:
            match act:
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case HangUpNow():
                    return "caller hung up as scripted"
                case Group(keys):
                    if not await self._hearing.wait_for_new(self._plan.patience_s):
                        shown = self._hearing.masked(keys)
                        return f"no new prompt within {self._plan.patience_s:g} s before {shown}"
                    await asyncio.sleep(max(0.0, self._plan.think_ms / 1000 - self._hearing.since_new_s()))
                    await self._press(keys)
        await asyncio.sleep(self._plan.listen_s)
        return f"caller hung up after listening for {self._plan.listen_s:g} s"

    async def _press(self, keys: str) -> None:
        assert self._wire is not None
        keyed = KeyedGroup(self._hearing.now_ms(), self._hearing.masked(keys))
        self._keyed.append(keyed)
        self._tell(Moment(keyed.at_ms, "KEYS", keyed.keys))
        self._hearing.keys_begin()
        way = self._plan.key_way
        if way == "rfc4733" and not self._wire.takes_events:
            way = "inband"
        if way == "info":
            for key in keys:
                self._leg.send_key(key, self._plan.key_ms)
                await asyncio.sleep((self._plan.key_ms + self._plan.gap_ms) / 1000)
        else:
            await self._wire.press(keys, key_ms=self._plan.key_ms, gap_ms=self._plan.gap_ms, inband=way == "inband")

    # -- the outcome

    def refused(self, refused: Refused) -> CallOutcome:
        words = CAUSES.get(refused.status, refused.reason or f"refused with {refused.status}")
        self._tell(Moment(0, "ENDED", words))
        return CallOutcome(False, refused.status, "line" if refused.status else "nobody", words, (), (), 0.0)

    def _ended(self, by: EndedBy, cause: str) -> CallOutcome:
        heard = self._hearing.finish()
        if self._leg.transferred_to:
            self._tell(Moment(self._hearing.now_ms(), "TRANSFER", self._leg.transferred_to))
        self._tell(Moment(self._hearing.now_ms(), "ENDED", cause))
        outcome = CallOutcome(
            True, 200, by, cause, heard, tuple(self._keyed), self._hearing.now_ms() / 1000,
            transferred_to=self._leg.transferred_to,
        )  # fmt: skip
        for prompt in heard:
            tail = str(dict(prompt.arguments).get("tail", ""))
            if prompt.name == "order_accepted":
                outcome = replace(outcome, order_state="accepted", order_tail=tail)
            elif prompt.name == "order_registered":
                outcome = replace(outcome, order_state="registered", order_tail=tail)
        if self._wire is None:
            return outcome
        return replace(
            outcome,
            packets_in=self._wire.packets_in,
            packets_lost=self._wire.packets_lost,
            worst_late_ms=round(self._wire.worst_late_s * 1000),
        )


__all__ = ["PlanError", "place_call"]
