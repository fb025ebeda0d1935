"""Filling the basket: code, quantity, and what to do when the quantity can't be had.

The domain decides what can be had; here it is only put to the caller. Nothing is changed without a key: a limit is a
question, a substitute is a question.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import FindArticle, PutLine, ReviewBasket
from ivr.dialogue.collectors import YES_NO, Chosen, Entered, Finished, WentBack, article, quantity
from ivr.dialogue.events import ArticleFound, ArticleUnknown, BasketReviewed, LinePut
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go, miss
from ivr.dialogue.state import CallState
from orders.values import LineVerdict, Offer
from speech.prompt import Prompt, prompt


def _name(state: CallState, offer: Offer | None) -> str:
    return offer.name.said_in(state.language) if offer else ""


def _article_says(state: CallState) -> tuple[Prompt, ...]:
    return (prompt("next_article" if state.basket.lines else "article_wanted"),)


def _article_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Entered(code):
            return ask(state, FindArticle(code))
        case ArticleFound(offer):
            return go(state, "awaiting_quantity", offer=offer, replaces="", then="awaiting_article")
        case ArticleUnknown(code):
            return miss(state, prompt("article_unknown", code=code))
        case Finished():
            return ask(state, ReviewBasket())
        case BasketReviewed(basket) if basket.lines:
            return go(state, "awaiting_confirmation", basket=basket)
        case BasketReviewed(basket):
            return miss(replace(state, basket=basket), prompt("basket_empty"))
        case WentBack():
            return go(state, "awaiting_main_choice")
    return None


def _quantity_says(state: CallState) -> tuple[Prompt, ...]:
    name = _name(state, state.offer)
    if state.offer and state.offer.in_basket:
        return (prompt("quantity_again", article=name, cartons=state.offer.in_basket),)
    return (prompt("quantity_wanted", article=name),)


def decide_quantity(state: CallState, told: Told) -> Move | None:
    """One quantity for the article at hand: shared by ordering and by correcting a line."""
    match told:
        case Entered(digits) if int(digits) > state.settings.most_cartons:
            return miss(state, prompt("quantity_too_big", most=state.settings.most_cartons))
        case Entered(digits) if state.offer:
            wanted = PutLine(state.offer.code, int(digits), replaces=state.replaces)
            return ask(state, wanted, requested=int(digits))
        case LinePut(verdict):
            return _on_verdict(replace(state, basket=verdict.basket), verdict)
        case WentBack():
            return go(state, state.then, surprised=False)
    return None


def _on_verdict(state: CallState, verdict: LineVerdict) -> Move:
    name = _name(state, verdict.offer)
    match verdict.outcome:
        case "accepted":
            return _next(state, prompt("line_noted", cartons=verdict.accepted))
        case "removed":
            return _next(state, prompt("line_removed" if verdict.offer.in_basket else "line_skipped", article=name))
        case "limited" if verdict.limit > 0:
            state = replace(state, offer=verdict.offer, limit=verdict.limit, limit_reason=verdict.reason)
            return go(state, "awaiting_limit_choice", surprised=True)
        case "limited":
            return _next(state, prompt("allocation_used", article=name), surprised=True)
        case "not_supplied":
            return _next(state, prompt("not_supplied", article=name), surprised=True)
        case "out_of_stock" if verdict.substitute and not state.replaces:
            state = replace(state, offer=verdict.offer, substitute=verdict.substitute)
            return go(state, "awaiting_substitute_choice", surprised=True)
    return _next(state, prompt("out_of_stock", article=name), surprised=True)


def _next(state: CallState, notice: Prompt, *, surprised: bool = False) -> Move:
    to = state.then if state.basket.lines else "awaiting_article"
    return go(state, to, notice, surprised=surprised, offer=None, substitute=None, replaces="", then="awaiting_article")


def _limit_says(state: CallState) -> tuple[Prompt, ...]:
    said_limit = {"stock": "limited_stock", "order_limit": "limited_order"}.get(
        state.limit_reason, "limited_allocation"
    )
    return (
        prompt(said_limit, article=_name(state, state.offer), cartons=state.limit),
        prompt("limit_choice", cartons=state.limit),
    )


def _limit_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1") if state.offer:
            return ask(state, PutLine(state.offer.code, state.requested, settle="limit", replaces=state.replaces))
        case Chosen("2") | WentBack():
            kept = (
                (prompt("line_kept", cartons=state.offer.in_basket),) if state.offer and state.offer.in_basket else ()
            )
            return go(state, state.then, *kept, offer=None, replaces="")
        case LinePut():
            return decide_quantity(state, told)
    return None


def _substitute_says(state: CallState) -> tuple[Prompt, ...]:
    return (
        prompt("out_of_stock", article=_name(state, state.offer)),
        prompt("substitute_choice", substitute=_name(state, state.substitute)),
    )


def _substitute_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1") if state.offer and state.substitute:
            wanted = PutLine(state.substitute.code, state.requested, replaces=state.offer.code)
            return ask(state, wanted, replaces=state.offer.code)
        case Chosen("2") | WentBack():
            return go(state, state.then, offer=None, substitute=None)
        case LinePut():
            return decide_quantity(state, told)
    return None


VERDICT_LEADS = (
    Lead("noted", "awaiting_article"),
    Lead("limited", "awaiting_limit_choice"),
    Lead("out of stock", "awaiting_substitute_choice"),
    Lead("noted, correcting", "awaiting_confirmation"),
)

STAGES = (
    Stage(
        "awaiting_article",
        "basket",
        says=_article_says,
        listens=lambda _: article(),
        decides=_article_decides,
        leads=(
            Lead("code", "awaiting_quantity"),
            Lead("#", "awaiting_confirmation"),
            Lead("*", "awaiting_main_choice"),
        ),
    ),
    Stage(
        "awaiting_quantity",
        "basket",
        says=_quantity_says,
        listens=lambda _: quantity(),
        decides=decide_quantity,
        leads=VERDICT_LEADS[:3],
    ),
    Stage(
        "awaiting_limit_choice",
        "basket",
        says=_limit_says,
        listens=lambda _: YES_NO,
        decides=_limit_decides,
        leads=(
            Lead("1, 2", "awaiting_article"),
            Lead("1, 2, correcting", "awaiting_confirmation"),
            Lead("stock gone", "awaiting_substitute_choice"),
        ),
    ),
    Stage(
        "awaiting_substitute_choice",
        "basket",
        says=_substitute_says,
        listens=lambda _: YES_NO,
        decides=_substitute_decides,
        leads=(
            Lead("1, 2", "awaiting_article"),
            Lead("1: limited", "awaiting_limit_choice"),
            Lead("1, 2, correcting", "awaiting_confirmation"),
        ),
    ),
)
