"""Who is calling: by number, by a shared number's menu, by licence, then always by PIN."""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import CheckPin, FindRetailersByLicence, FindRetailersByPhone, LearnStanding, Pace
from ivr.dialogue.collectors import Chosen, Collector, Digits, Entered, JustListen, Menu, WentBack
from ivr.dialogue.events import ErrandChecked, PinChecked, RetailersFound, StandingLearnt
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go, miss
from ivr.dialogue.stages.agents import reach_agent
from ivr.dialogue.stages.beginning import LEADS as BEGINNING_LEADS
from ivr.dialogue.stages.beginning import begin_order
from ivr.dialogue.stages.reminding import on_checked
from ivr.dialogue.state import CallState
from orders.values import Language, RetailerCard, Standing
from speech.prompt import Prompt, prompt

MOST_SHOPS_OFFERED = 4
"""With "other" that makes a menu of five."""


def begin(state: CallState) -> Move:
    """The first move of a call: look the caller's number up, or greet at once when it is withheld."""
    if not state.caller:
        return _greet_unknown(state)
    return ask(state, FindRetailersByPhone(state.caller), at="arriving")


def _greeting(state: CallState) -> Prompt:
    return prompt("welcome_recorded" if state.settings.recording else "welcome")


def _language_hint(state: CallState) -> Prompt:
    """Said in the other language: it is for those who do not understand this one."""
    if state.language == "zh":
        return Prompt("english_hint", language="en")
    return Prompt("chinese_hint", language="zh")


def _greet_unknown(state: CallState) -> Move:
    return go(state, "awaiting_licence_tail", _greeting(state), _language_hint(state))


def _arriving_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case ErrandChecked():
            return on_checked(state, told)
        case RetailersFound(()):
            return _greet_unknown(state)
        case RetailersFound(cards):
            offered = cards[:MOST_SHOPS_OFFERED]
            language = offered[0].language if len({card.language for card in offered}) == 1 else state.language
            state = replace(state, cards=offered, language=language)
            return go(state, "awaiting_shop_choice", _greeting(state))
    return None


def _shops_says(state: CallState) -> tuple[Prompt, ...]:
    shops = [
        prompt("shop_choice", shop=card.shop.said_in(state.language), key=str(key))
        for key, card in enumerate(state.cards, start=1)
    ]
    return (*shops, prompt("other_choice", key=str(len(state.cards) + 1)))


def _shops_listens(state: CallState) -> Collector:
    return Menu("12345"[: len(state.cards) + 1])


def _shops_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen(key) if int(key) <= len(state.cards):
            return _ask_pin(state, state.cards[int(key) - 1])
        case Chosen():
            return go(state, "awaiting_licence_tail", _language_hint(state), cards=())
    return None


def _ask_pin(state: CallState, card: RetailerCard) -> Move:
    return go(state, "awaiting_pin", cards=(), retailer_id=card.retailer_id, language=card.language)


def _tail_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Entered(digits):
            return ask(state, FindRetailersByLicence(digits))
        case RetailersFound((card,)):
            return _ask_pin(state, card)
        case RetailersFound(()):
            return miss(state, prompt("licence_unknown"))
        case RetailersFound():
            return go(state, "awaiting_licence_full", surprised=True)
        case WentBack():
            language: Language = "en" if state.language == "zh" else "zh"
            return go(replace(state, language=language), "awaiting_licence_tail")
    return None


def _full_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Entered(digits):
            return ask(state, FindRetailersByLicence(digits))
        case RetailersFound((card, *_)):
            return _ask_pin(state, card)
        case RetailersFound(()):
            return miss(state, prompt("licence_unknown"))
        case WentBack():
            return go(state, "awaiting_licence_tail")
    return None


def _pin_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Entered(digits):
            return ask(state, CheckPin(state.retailer_id, keys=len(digits)))
        case PinChecked(verdict) if verdict.outcome == "accepted":
            return ask(state, LearnStanding(state.retailer_id))
        case PinChecked(verdict) if verdict.outcome == "locked":
            return reach_agent(state, "pin_locked", prompt("pin_locked"))
        case PinChecked(verdict):
            # The account counts wrong PINs, across calls; the stage's own misses would only shorten that.
            return go(state, "awaiting_pin", prompt("pin_wrong", tries=verdict.tries_left), surprised=True)
        case StandingLearnt(standing):
            return _identified(state, standing)
        case WentBack() if state.errand:
            return go(state, "awaiting_reminder_choice")
        case WentBack():
            return go(state, "awaiting_licence_tail", retailer_id=0)
    return None


def _identified(state: CallState, standing: Standing) -> Move | None:
    """To the menu; whom we have called to order, and who pressed 1 for it, goes straight on to the order."""
    pace: Pace = "slow" if standing.assisted else "normal"
    state = replace(state, standing=standing, language=standing.language, pace=pace)
    if state.errand is None:
        return go(state, "awaiting_main_choice")
    move = begin_order(state, standing)
    # The menu's stage takes what the domain answers to an order that begins; here only PINs are talked of.
    return replace(move, at="awaiting_main_choice") if move and move.asks else move


STAGES = (
    Stage(
        "arriving",
        "identify",
        says=lambda _: (),
        listens=lambda _: JustListen(),
        decides=_arriving_decides,
        leads=(
            Lead("number known", "awaiting_shop_choice"),
            Lead("unknown or withheld", "awaiting_licence_tail"),
            Lead("we called: reminder", "awaiting_reminder_choice"),
            Lead("we called: notice", "awaiting_notice_heard"),
            Lead("we called: a machine", "leaving_word"),
            Lead("we called: no reason left", "ending"),
        ),
    ),
    Stage(
        "awaiting_shop_choice",
        "identify",
        says=_shops_says,
        listens=_shops_listens,
        decides=_shops_decides,
        leads=(Lead("shop", "awaiting_pin"), Lead("other", "awaiting_licence_tail")),
    ),
    Stage(
        "awaiting_licence_tail",
        "identify",
        says=lambda _: (prompt("licence_tail_wanted"),),
        listens=lambda _: Digits(6, 6),
        decides=_tail_decides,
        leads=(
            Lead("one found", "awaiting_pin"),
            Lead("several found", "awaiting_licence_full"),
            Lead("*", "awaiting_licence_tail"),
        ),
    ),
    Stage(
        "awaiting_licence_full",
        "identify",
        says=lambda _: (prompt("licence_full_wanted"),),
        listens=lambda _: Digits(12, 12),
        decides=_full_decides,
        leads=(Lead("found", "awaiting_pin"), Lead("*", "awaiting_licence_tail")),
    ),
    Stage(
        "awaiting_pin",
        "identify",
        says=lambda _: (prompt("pin_wanted"),),
        listens=lambda _: Digits(4, 8, secret=True),
        decides=_pin_decides,
        leads=(
            Lead("right", "awaiting_main_choice"),
            Lead("wrong", "awaiting_pin"),
            Lead("locked", "awaiting_callback_choice"),
            Lead("locked", "transferring"),
            Lead("*", "awaiting_licence_tail"),
            Lead("*, we called", "awaiting_reminder_choice"),
            *(Lead(f"right, we called: {lead.on.removeprefix('1: ')}", lead.to) for lead in BEGINNING_LEADS[2:]),
            Lead("right, we called: suspended", "awaiting_suspension_heard"),
        ),
    ),
)
