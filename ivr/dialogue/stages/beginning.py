"""From "I want to order" to an open basket: due or not, suspended or not, a second order, whose draft, which start.

Every stage here shares `begin_order`: it takes the domain's answers in turn and leads to the first stage that has
something to ask.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import FillUsual, LearnStanding, OpenDraft
from ivr.dialogue.collectors import YES_NO, Chosen, Menu, WentBack
from ivr.dialogue.events import DraftHeld, DraftOpened, StandingLearnt, UsualFilled
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go
from ivr.dialogue.state import CallState
from orders.values import Standing
from speech.prompt import Prompt, prompt


def begin_order(state: CallState, told: Told | Standing) -> Move | None:
    """Go on towards an open basket with what was just learnt."""
    match told:
        case Standing() as standing:
            return _on_standing(replace(state, standing=standing))
        case StandingLearnt(standing):
            return _on_standing(replace(state, standing=standing))
        case DraftHeld():
            return go(state, "awaiting_take_over", surprised=True)
        case DraftOpened(basket):
            return _on_draft(replace(state, basket=basket, owns_draft=True))
    return None


def _on_standing(state: CallState) -> Move:
    standing = _standing(state)
    match standing.may_order:
        case "suspended":
            return go(state, "awaiting_suspension_heard", surprised=True)
        case "not_due":
            notice = prompt("not_due", day=standing.next_order_day)
            return go(state, "awaiting_main_choice", notice, surprised=True)
        case "past_cutoff":
            notice = prompt("past_cutoff", cutoff=standing.cutoff, day=standing.next_order_day)
            return go(state, "awaiting_main_choice", notice, surprised=True)
        case "yes" if standing.placed and not state.wants_second and not standing.draft:
            return go(state, "awaiting_second_order_choice", surprised=True)
    return ask(state, OpenDraft(standing.retailer_id, standing.order_day))


def _on_draft(state: CallState) -> Move:
    if state.basket.lines:
        return go(state, "awaiting_resume_choice", surprised=True)
    if _standing(state).usual:
        return go(state, "awaiting_usual_choice")
    return go(state, "awaiting_article")


def _standing(state: CallState) -> Standing:
    if state.standing is None:
        raise AssertionError("an order begins only after the retailer's standing was learnt")
    return state.standing


def _suspension_says(state: CallState) -> tuple[Prompt, ...]:
    suspension = _standing(state).suspension
    if suspension is None:
        return (prompt("suspended_licence"), prompt("suspended_choice"))
    if suspension.reason == "licence":
        why = prompt("suspended_licence")
    else:
        why = prompt(f"suspended_{suspension.reason}", area=suspension.area.said_in(state.language))
    until = prompt("suspended_until", day=suspension.resumes_on) if suspension.resumes_on else prompt("suspended_open")
    return (why, until, prompt("suspended_choice"))


def _suspension_decides(state: CallState, told: Told) -> Move | None:
    return go(state, "awaiting_main_choice") if isinstance(told, Chosen | WentBack) else None


def _second_says(state: CallState) -> tuple[Prompt, ...]:
    placed = _standing(state).placed
    tail = placed.tail if placed else ""
    return (prompt("already_ordered", tail=tail), prompt("second_order_choice"))


def _second_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return ask(state, LearnStanding(state.retailer_id), wants_second=True)
        case Chosen("2") | WentBack():
            return go(state, "awaiting_main_choice")
    return begin_order(state, told)


def _take_over_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            standing = _standing(state)
            return ask(state, OpenDraft(standing.retailer_id, standing.order_day, take_over=True))
        case Chosen("2") | WentBack():
            return go(state, "awaiting_main_choice")
    return begin_order(state, told)


def _resume_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return go(state, "awaiting_article")
        case Chosen("2"):
            standing = _standing(state)
            return ask(state, OpenDraft(standing.retailer_id, standing.order_day, anew=True))
        case WentBack():
            return go(state, "awaiting_main_choice")
    return begin_order(state, told)


def _usual_says(state: CallState) -> tuple[Prompt, ...]:
    usual = _standing(state).usual
    if usual is None:
        return (prompt("usual_choice"),)
    return (prompt("usual_offered", kinds=usual.kinds, cartons=usual.cartons), prompt("usual_choice"))


def _usual_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return ask(state, FillUsual(), then="awaiting_confirmation")
        case Chosen("2"):
            return ask(state, FillUsual(), then="awaiting_article")
        case Chosen("3"):
            return go(state, "awaiting_article", then="awaiting_article")
        case WentBack():
            return go(state, "awaiting_main_choice")
        case UsualFilled(basket, changed):
            notices = (prompt("usual_changed", lines=changed),) if changed else ()
            to = state.then if basket.lines else "awaiting_article"
            return go(state, to, *notices, surprised=bool(changed), basket=basket, then="awaiting_article")
    return None


LEADS = (
    Lead("1: suspended", "awaiting_suspension_heard"),
    Lead("1: not due or past cut-off", "awaiting_main_choice"),
    Lead("1: ordered already", "awaiting_second_order_choice"),
    Lead("1: draft held", "awaiting_take_over"),
    Lead("1: draft with lines", "awaiting_resume_choice"),
    Lead("1: usual basket", "awaiting_usual_choice"),
    Lead("1: new retailer", "awaiting_article"),
)

STAGES = (
    Stage(
        "awaiting_suspension_heard",
        "begin",
        says=_suspension_says,
        listens=lambda _: Menu("1"),
        decides=_suspension_decides,
        leads=(Lead("1", "awaiting_main_choice"),),
    ),
    Stage(
        "awaiting_second_order_choice",
        "begin",
        says=_second_says,
        listens=lambda _: YES_NO,
        decides=_second_decides,
        leads=(
            Lead("1: usual basket", "awaiting_usual_choice"),
            Lead("1: none", "awaiting_article"),
            Lead("1: draft held", "awaiting_take_over"),
            Lead("1: past cut-off", "awaiting_main_choice"),
            Lead("1: suspended", "awaiting_suspension_heard"),
            Lead("2", "awaiting_main_choice"),
        ),
    ),
    Stage(
        "awaiting_take_over",
        "begin",
        says=lambda _: (prompt("draft_held"), prompt("take_over_choice")),
        listens=lambda _: YES_NO,
        decides=_take_over_decides,
        leads=(
            Lead("1: lines", "awaiting_resume_choice"),
            Lead("1: usual basket", "awaiting_usual_choice"),
            Lead("1: empty", "awaiting_article"),
            Lead("2", "awaiting_main_choice"),
        ),
    ),
    Stage(
        "awaiting_resume_choice",
        "begin",
        says=lambda state: (prompt("resume_choice", kinds=state.basket.kinds),),
        listens=lambda _: YES_NO,
        decides=_resume_decides,
        leads=(
            Lead("1", "awaiting_article"),
            Lead("2: usual basket", "awaiting_usual_choice"),
            Lead("2: none", "awaiting_article"),
            Lead("*", "awaiting_main_choice"),
        ),
    ),
    Stage(
        "awaiting_usual_choice",
        "begin",
        says=_usual_says,
        listens=lambda _: Menu("123"),
        decides=_usual_decides,
        leads=(
            Lead("1", "awaiting_confirmation"),
            Lead("2, 3", "awaiting_article"),
            Lead("*", "awaiting_main_choice"),
        ),
    ),
)
