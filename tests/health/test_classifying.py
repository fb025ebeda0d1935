"""What is seen, and what is made of it: one row for each way in which things break, and none told twice."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ivr.health.classifying import LineState, classify
from ivr.health.seen import Alarm, BoardSeen, NodeSeen, PortSeen, Seen, TestResult, TrunkSeen, TrunkView

N1, N2 = NodeSeen("n1", 1, address="pbx1"), NodeSeen("n2", 1, address="pbx2")
DEAD = NodeSeen("n2", 60, address="pbx2")
WITHOUT_ASTERISK = NodeSeen("n1", 1, "down", "pbx1", "can't be reached")
REFUSED = NodeSeen("n1", 1, "refused", "pbx1", "refuses the login")


def trunk(name: str, n1: TrunkView | None, n2: TrunkView | None = None, test: TestResult | None = None) -> TrunkSeen:
    views = {node: view for node, view in (("n1", n1), ("n2", n2)) if view}
    return TrunkSeen(name, f"{name}.example", views, test)


def analogue(*slots: str, module_ports: int = 1, test: TestResult | None = None) -> BoardSeen:
    """Slots by a letter a port: o(k), r(ed), m(issing) with a line; - ok, x red, without one."""
    alarms: Mapping[str, Alarm] = {"o": "ok", "r": "red", "m": "missing", "-": "ok", "x": "red", "y": "yellow"}
    units, channel = {}, 0
    for number, letters in enumerate(slots, start=1):
        ports = []
        for letter in letters:
            channel += 1
            line = "" if letter in "-x" else f"line{channel}"
            ports.append(PortSeen(channel, line, alarms[letter], test if line else None))
        units[number] = tuple(ports)
    return BoardSeen("a", "analogue", units)


def e1(*spans: Alarm, test: TestResult | None = None) -> BoardSeen:
    units = {
        number: tuple(PortSeen(31 * number + port, "e", alarm, test) for port in range(3))
        for number, alarm in enumerate(spans, start=1)
    }
    return BoardSeen("e", "e1", units)


def told(seen: Seen) -> list[str]:
    return [f"{fault.cause} {fault.about}" for fault in classify(seen, node_dead_after_s=15).faults]


@pytest.mark.parametrize(
    ("seen", "faults"),
    [
        # all is well
        (Seen((N1, N2), (trunk("t", "online", "online", "ok"),), (analogue("o", "o", "x"), e1("ok", "ok"))), []),
        (Seen((N1,), (trunk("t", "online", test="busy"),)), []),
        (Seen(), []),
        # nodes and Asterisk; their trunks are nobody else's fault
        (Seen((N1, DEAD), (trunk("t", "online", "offline"),)), ["node node:n2"]),
        (Seen((WITHOUT_ASTERISK,), (trunk("t", "offline"), trunk("s", "offline"))), ["node asterisk:pbx1"]),
        (Seen((REFUSED,), (trunk("t", "offline"),)), ["configuration asterisk:pbx1"]),
        (
            Seen((WITHOUT_ASTERISK, NodeSeen("n2", 1, "down", "pbx1", "can't be reached"))),
            ["node asterisk:pbx1"],
        ),
        (Seen((NodeSeen("n1", 1, "off"),), (trunk("t", None),)), []),
        # carrier
        (Seen((N1,), (trunk("t", "offline"),)), ["carrier trunk:t"]),
        (Seen((N1,), (trunk("t", "offline"), trunk("s", "online"))), ["carrier trunk:t"]),
        (Seen((N1, N2), (trunk("t", "offline", "offline"), trunk("s", "online", "online"))), ["carrier trunk:t"]),
        (Seen((N1,), (trunk("t", "online", test="no_answer"),)), ["carrier trunk:t"]),
        (Seen((N1,), (trunk("t", "online", test="unreachable"),)), ["carrier trunk:t"]),
        (Seen((N1,), (TrunkSeen("t", "h", {"n1": "offline"}), TrunkSeen("s", "h", {"n1": "offline"}))),
         ["carrier trunk:t", "carrier trunk:s"]),
        # network
        (Seen((N1,), (trunk("t", "offline"), trunk("s", "offline"))), ["network network:site"]),
        (Seen((N1, N2), (trunk("t", "offline", "online"), trunk("s", "offline", "online"))), ["network network:n1"]),
        (Seen((N1, N2), (trunk("t", "offline", "offline"), trunk("s", "offline", "offline"))),
         ["network network:site"]),
        (Seen((N1, N2), (trunk("t", "offline", "online"), trunk("s", "online", "online"))), ["network trunk:t"]),
        (Seen((N1,), (trunk("t", "online", test="silent"),)), ["network trunk:t"]),
        # configuration
        (Seen((N1,), (trunk("t", "missing"), trunk("s", "online"))), ["configuration trunk:t"]),
        (Seen((N1, N2), (trunk("t", "missing", "online"),)), ["configuration trunk:t"]),
        (Seen((N1,), (trunk("t", "rejected"),)), ["configuration trunk:t"]),
        (Seen((N1,), (trunk("t", "online", test="challenged"),)), ["configuration trunk:t"]),
        (Seen((N1,), (trunk("t", "online", test="rejected"),)), ["configuration trunk:t"]),
        # analogue boards: one pair is the carrier's, a module or all of it is the board's
        (Seen(boards=(analogue("r", "o", "o"),)), ["carrier line:line1"]),
        (Seen(boards=(analogue("r", "r", "o"),)), ["carrier line:line1", "carrier line:line2"]),
        (Seen(boards=(analogue("rr", "oo"),)), ["board slot:a/1"]),
        (Seen(boards=(analogue("m", "o", "x"),)), ["board slot:a/1"]),
        (Seen(boards=(analogue("r", "r", "r"),)), ["board board:a"]),
        (Seen(boards=(analogue("rm", "mr", "xx"),)), ["board board:a"]),
        (Seen(boards=(analogue("m", "m"),)), ["board board:a"]),
        (Seen(boards=(analogue("r"),)), ["carrier line:line1"]),
        (Seen(boards=(analogue("o", test="no_answer"),)), ["carrier line:line1"]),
        (Seen(boards=(BoardSeen("a", "analogue", None),)), []),
        # E1
        (Seen(boards=(e1("red", "ok"),)), ["carrier span:e/1"]),
        (Seen(boards=(e1("red"),)), ["carrier span:e/1"]),
        (Seen(boards=(e1("yellow", "ok"),)), ["carrier span:e/1"]),
        (Seen(boards=(e1("blue", "blue"),)), ["carrier span:e/1", "carrier span:e/2"]),
        (Seen(boards=(e1("missing", "ok"),)), ["board span:e/1"]),
        (Seen(boards=(e1("red", "red"),)), ["board board:e"]),
        (Seen(boards=(e1("missing"),)), ["board board:e"]),
        (Seen(boards=(e1("ok", "ok", test="rejected"),)), ["configuration line:e"]),
    ],
)  # fmt: skip
def test_cause(seen: Seen, faults: list[str]) -> None:
    assert told(seen) == faults


@pytest.mark.parametrize(
    ("seen", "lines"),
    [
        (Seen((N1,), (trunk("t", "online"), trunk("s", "offline"))), {"t": "up", "s": "carrier"}),
        (Seen((N1,), (trunk("t", "offline"), trunk("s", "offline"))), {"t": "network", "s": "network"}),
        (Seen((WITHOUT_ASTERISK,), (trunk("t", "offline"),)), {"t": "unknown"}),
        (Seen((N1, N2), (trunk("t", "offline", "online"),)), {"t": "up"}),
        (Seen(boards=(analogue("r", "r"),)), {"line1": "board", "line2": "board"}),
        (Seen(boards=(analogue("rr", "oo"),)), {"line1": "board", "line2": "board", "line3": "up", "line4": "up"}),
        (Seen(boards=(e1("red", "ok"),)), {"e": "up"}),
        (Seen(boards=(e1("blue", "blue"),)), {"e": "carrier"}),
        (Seen(boards=(e1("red", "red"),)), {"e": "board"}),
    ],
)
def test_how_lines_stand(seen: Seen, lines: dict[str, str]) -> None:
    found = classify(seen, node_dead_after_s=15).lines
    assert {name: line.cause or line.state for name, line in found.items()} == lines
    assert all((line.state == "down") == (line.cause is not None) for line in found.values())
    assert all(isinstance(line, LineState) for line in found.values())
