"""The main menu and what it answers at once: the status of orders, the retailer's own supply, help and complaints."""

from __future__ import annotations

from ivr.dialogue.actions import FindAllocation, FindOrders, LearnStanding, RequestCallback
from ivr.dialogue.collectors import Chosen, Menu, WentBack
from ivr.dialogue.events import AllocationFound, CallbackStored, OrdersFound, StandingLearnt
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go
from ivr.dialogue.stages.beginning import LEADS as BEGINNING_LEADS
from ivr.dialogue.stages.beginning import begin_order
from ivr.dialogue.state import CallState
from orders.values import AllocationLine, Language, OrderSummary
from speech.prompt import Prompt, prompt

MOST_LINES_HEARD = 12
"""Nobody listens longer; the caller's whole list is the customer manager's to give."""


def _main_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return ask(state, LearnStanding(state.retailer_id), wants_second=False)
        case StandingLearnt(standing):
            return begin_order(state, standing)
        case Chosen("2"):
            return ask(state, FindOrders(state.retailer_id))
        case OrdersFound(orders):
            return go(state, "awaiting_main_choice", *_orders_heard(orders))
        case Chosen("3"):
            return ask(state, FindAllocation(state.retailer_id))
        case AllocationFound(lines):
            return go(state, "awaiting_main_choice", *_allocation_heard(lines, state.language))
        case Chosen("4"):
            return go(state, "awaiting_help_topic")
    return begin_order(state, told)


def _orders_heard(orders: tuple[OrderSummary, ...]) -> tuple[Prompt, ...]:
    if not orders:
        return (prompt("no_orders"),)
    heard: list[Prompt] = []
    for order in orders:
        heard += (
            prompt("order_heard", day=order.order_day, tail=order.tail),
            prompt("order_size", kinds=order.kinds, cartons=order.cartons, amount=order.amount_fen),
            prompt(f"status_{order.status}"),
        )
    return tuple(heard)


def _allocation_heard(lines: tuple[AllocationLine, ...], language: Language) -> tuple[Prompt, ...]:
    if not lines:
        return (prompt("no_allocation"),)
    return (
        prompt("allocation_intro"),
        *(
            prompt("allocation_line", article=line.name.said_in(language), limit=line.limit, used=line.used)
            for line in lines[:MOST_LINES_HEARD]
        ),
    )


def _help_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen(key):
            topic = {"1": "emergency_supply", "2": "complaint"}[key]
            return ask(state, RequestCallback(state.retailer_id, state.caller, topic, state.stage))
        case CallbackStored(number):
            return go(state, "awaiting_main_choice", prompt("help_stored", number=str(number)))
        case WentBack():
            return go(state, "awaiting_main_choice")
    return None


STAGES = (
    Stage(
        "awaiting_main_choice",
        "main",
        says=lambda _: (prompt("main_menu"),),
        listens=lambda _: Menu("1234"),
        decides=_main_decides,
        leads=(
            Lead("2: orders", "awaiting_main_choice"),
            Lead("3: supply", "awaiting_main_choice"),
            Lead("4", "awaiting_help_topic"),
            *BEGINNING_LEADS,
        ),
    ),
    Stage(
        "awaiting_help_topic",
        "main",
        says=lambda _: (prompt("help_menu"),),
        listens=lambda _: Menu("12"),
        decides=_help_decides,
        leads=(Lead("stored", "awaiting_main_choice"), Lead("*", "awaiting_main_choice")),
    ),
)
