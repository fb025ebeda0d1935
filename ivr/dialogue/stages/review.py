"""Read-back, correction line by line, confirmation, and the order number.

An order comes to be only here: after its total began to be heard, by `1`, and it is spoken of only after `OrderDecided`
came back, which the runner passes on within the transaction and whose prompts are played after its commit.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import PlaceOrder
from ivr.dialogue.collectors import Chosen, Digits, Entered, Menu, Silent, WentBack, quantity
from ivr.dialogue.events import OrderDecided
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go, miss
from ivr.dialogue.stages.basket import VERDICT_LEADS, decide_quantity
from ivr.dialogue.state import CallState
from orders.values import Offer, Placement
from speech.prompt import Prompt, prompt


def _total(state: CallState) -> Prompt:
    basket = state.basket
    return prompt("basket_total", kinds=basket.kinds, cartons=basket.cartons, amount=basket.amount_fen)


def _confirmation_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return ask(state, PlaceOrder(state.basket.version, state.basket.amount_fen))
        case OrderDecided(placement):
            return _on_placement(state, placement)
        case Chosen("2"):
            return replace(go(state, "awaiting_confirmation", *_lines_heard(state)), known=True)
        case Chosen("3"):
            return go(state, "awaiting_line_number")
        case WentBack():
            return go(state, "awaiting_article")
    return None


def _lines_heard(state: CallState) -> tuple[Prompt, ...]:
    return tuple(
        prompt(
            "basket_line",
            position=line.position,
            article=line.name.said_in(state.language),
            cartons=line.accepted,
        )
        for line in state.basket.lines
    )


def _on_placement(state: CallState, placement: Placement) -> Move:
    state = replace(state, basket=placement.basket)
    if placement.outcome == "placed" and placement.order:
        state = replace(state, order=placement.order, sales_open=placement.sales_open, owns_draft=False)
        return go(state, "awaiting_wish_after_order")
    if placement.outcome == "changed" and placement.basket.lines:
        return go(state, "awaiting_confirmation", prompt("basket_changed"), surprised=True)
    if placement.outcome == "changed" or placement.refusal == "empty":
        notice = prompt("basket_gone" if placement.outcome == "changed" else "basket_empty")
        return go(state, "awaiting_article", notice, surprised=True)
    return go(state, "awaiting_main_choice", prompt("order_refused"), surprised=True)


def _line_number_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Entered(digits):
            return _on_line_number(state, int(digits))
        case WentBack():
            return go(state, "awaiting_confirmation")
    return None


def _on_line_number(state: CallState, position: int) -> Move:
    line = state.basket.line_at(position)
    if line is None:
        return miss(state, prompt("line_number_unknown", position=position))
    # Category and price are the domain's to look up again when the quantity is put; here only the name is spoken.
    offer = Offer(line.code, line.name, "regular", 0, line.accepted)
    return go(state, "awaiting_new_quantity", offer=offer, replaces="", then="awaiting_confirmation")


def _new_quantity_says(state: CallState) -> tuple[Prompt, ...]:
    name = state.offer.name.said_in(state.language) if state.offer else ""
    return (prompt("new_quantity_wanted", article=name),)


def _after_order_says(state: CallState) -> tuple[Prompt, ...]:
    tail = state.order.tail if state.order else ""
    name = "order_accepted" if state.sales_open else "order_registered"
    return (prompt(name, tail=tail), prompt("after_order_choice"))


def _after_order_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return go(state, "awaiting_main_choice", then="awaiting_article")
        case Silent() | WentBack():
            return go(state, "ending")
    return None


STAGES = (
    Stage(
        "awaiting_confirmation",
        "review",
        says=lambda state: (_total(state), prompt("confirm_choice")),
        listens=lambda _: Menu("123", must_hear=True),
        decides=_confirmation_decides,
        leads=(
            Lead("1", "awaiting_wish_after_order"),
            Lead("1: supply changed", "awaiting_confirmation"),
            Lead("2: lines", "awaiting_confirmation"),
            Lead("3", "awaiting_line_number"),
            Lead("*, or nothing left", "awaiting_article"),
            Lead("1: refused", "awaiting_main_choice"),
        ),
    ),
    Stage(
        "awaiting_line_number",
        "review",
        says=lambda _: (prompt("line_number_wanted"),),
        listens=lambda state: Digits(1, 2, single="9" if state.basket.line_at(9) else ""),
        decides=_line_number_decides,
        leads=(Lead("line", "awaiting_new_quantity"), Lead("*", "awaiting_confirmation")),
    ),
    Stage(
        "awaiting_new_quantity",
        "review",
        says=_new_quantity_says,
        listens=lambda _: quantity(),
        decides=decide_quantity,
        leads=VERDICT_LEADS,
    ),
    Stage(
        "awaiting_wish_after_order",
        "review",
        says=_after_order_says,
        listens=lambda _: Menu("1", silence_is_answer=True),
        decides=_after_order_decides,
        leads=(Lead("1", "awaiting_main_choice"), Lead("silence", "ending")),
    ),
)
