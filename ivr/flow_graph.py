"""Turns the stage table into what is drawn: each stage with its prompts and keys, each lead as an arrow.

What a stage says may depend on the call; it is shown for one example call that has everything a call can have.
"""

from __future__ import annotations

from ivr.dialogue.collectors import Collector, Digits, JustListen, Menu
from ivr.dialogue.flow import EVERYWHERE, STAGES
from ivr.dialogue.state import CallState
from ivr.flow_layout import Edge, FlowGraph, StageNode
from orders.values import (
    Basket,
    BasketLine,
    BasketSize,
    Errand,
    Names,
    Offer,
    OrderSummary,
    RetailerCard,
    Standing,
    Suspension,
)

ANY_STAGE, ENDED = "any stage", "ended"


def graph_of_table() -> FlowGraph:
    """The stage table as a graph; places that are no rows of it ("any stage", "(back)", "ended") become boxes too."""
    example = _example_call()
    stages = [
        StageNode(
            stage.name,
            stage.group,
            tuple(dict.fromkeys(said.name for said in stage.says(example))),
            _collects(stage.listens(example)),
        )
        for stage in STAGES.values()
    ]
    edges = [Edge(stage.name, lead.to, lead.on) for stage in STAGES.values() for lead in stage.leads]
    edges += [Edge(ANY_STAGE, to, on) for on, to in EVERYWHERE]
    stages.append(StageNode(ANY_STAGE, "everywhere"))
    known = {stage.name for stage in stages}
    others = dict.fromkeys(edge.target for edge in edges if edge.target not in known)
    stages += [StageNode(name, "everywhere") for name in others]
    return FlowGraph(tuple(stages), tuple(edges))


def _collects(collector: Collector) -> str:
    match collector:
        case Menu(choices=choices):
            return f"one of {' '.join(choices)}" if choices else ""
        case Digits(shortest=shortest, longest=longest, secret=secret):
            count = str(shortest) if shortest == longest else f"{shortest}-{longest}"
            return f"{count} digits and #{', secret' if secret else ''}"
        case JustListen():
            return ""
    raise TypeError(f"no words for the collector {collector!r}")


def _example_call() -> CallState:
    shop = Names("阳光便利店", "Sunshine Store")
    offer = Offer("101", Names("白沙尚品蓝", "Baisha Blue"), "regular", 10_000, in_basket=0)
    size = BasketSize(kinds=1, cartons=10)
    order = OrderSummary("2611230372", "0372", "2026-11-23", 1, 10, 100_000, "accepted")
    suspension = Suspension("weather", Names("城东片区", "East City"), "2026-11-27")
    standing = Standing(
        1, shop, "zh", False, "yes", "2026-11-23", "16:00", "2026-11-30",
        suspension=suspension, draft=size, usual=size, placed=order,
    )  # fmt: skip
    errand = Errand("reminder", 1, "zh", False, "16:00", ("送货改至明天。",), callback_number="95001")
    return CallState(
        stage="awaiting_pin",
        caller="13800000001",
        cards=(RetailerCard(1, shop, "zh"),),
        retailer_id=1,
        standing=standing,
        basket=Basket(1, (BasketLine(1, "101", offer.name, 10, 10, 100_000),)),
        offer=offer,
        requested=10,
        limit=2,
        limit_reason="allocation",
        substitute=offer,
        order=order,
        back_to="awaiting_main_choice",
        errand=errand,
    )
