"""From the files of `asterisk_conf/` and the plant to what Asterisk reads. Pure: texts in, texts out.

Only checked values get in: names, hosts, ports and digits of the plant's own patterns, and secrets without line ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.plant import Board, Plant, PlantError, Slot, Trunk

_PLACE = re.compile(r"@@([a-z_]+)@@")
RING_S = 40
NEXT_ROUTE_CAUSES = (3, 20, 27, 34, 38, 41, 42, 44)
"""Q.850: no route, absent, out of order, no circuit, network out of order, temporary failure, congestion, no channel.
Busy (17), no answer (19) and rejected (21) are the retailer's answer and end the search."""
LAST_CAUSES = (1, 16, 17, 19, 21, 22, 28)
"""Checked first: after a 603 or 404 Dial says CHANUNAVAIL, as if there had been no way there (Asterisk 22.10)."""

Secret = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Rendered:
    """File names and their contents; `secret` ones are for Asterisk's eyes only."""

    files: dict[str, str]
    secret: frozenset[str]


def render(templates: Mapping[str, str], values: Mapping[str, str], plant: Plant, password: Secret) -> Rendered:
    """Every file. `password` reads a password file. Raises PlantError, KeyError for a place without a value."""
    own = dict(values) | {
        "dahdi": "load = chan_dahdi.so" if plant.boards else "; load = chan_dahdi.so  (no voice boards in the plant)",
        "tls": _tls(values) if any(trunk.transport == "tls" for trunk in plant.trunks) else "",
    }
    for name, value in own.items():
        if name != "tls" and ("\n" in value or "\r" in value):
            raise PlantError(f"{name} has a line end in it")
    files = {name: _PLACE.sub(lambda place: own[place[1]], text) for name, text in templates.items()}
    rendered = render_plant(plant, password)
    return Rendered(files | rendered.files, rendered.secret | {"ari.conf", "manager.conf"})


def render_plant(plant: Plant, password: Secret) -> Rendered:
    """Only the files that follow from the plant, which a running Asterisk can read again. Raises PlantError."""
    files = {
        "pjsip_trunks.conf": "\n".join(_trunk(trunk, password) for trunk in plant.trunks),
        "pjsip_agents.conf": "\n".join(
            _agent(agent.extension, _safe(password(agent.password_file))) for agent in plant.agents
        ),
        "queues_members.conf": "".join(
            f"member => PJSIP/{agent.extension},0,{agent.extension}\n" for agent in plant.agents
        ),
        "chan_dahdi_boards.conf": "\n".join(_board(board) for board in plant.boards),
        "extensions_routes.conf": _routes(plant),
    }
    secret = frozenset({"pjsip_trunks.conf", "pjsip_agents.conf"})
    return Rendered({name: _GENERATED + text for name, text in files.items()}, secret)


_GENERATED = "; Written by `orderline asterisk render` from the plant: change it there.\n\n"


def _tls(values: Mapping[str, str]) -> str:
    return (
        "[tls]\ntype = transport\nprotocol = tls\n"
        f"bind = {values['sip_host']}:{values['tls_port']}\n"
        f"cert_file = {values['tls_cert']}\npriv_key_file = {values['tls_key']}\nmethod = tlsv1_2\n"
        "verify_server = yes\n\n"
    )


def _trunk(trunk: Trunk, password: Secret) -> str:
    options = ";transport=tls" if trunk.transport == "tls" else ""
    uri = f"sip:{trunk.host}:{trunk.port}{options}"
    lines = [f"[{trunk.name}](trunk-like)", f"transport = {trunk.transport}", f"aors = {trunk.name}"]
    lines += [f"device_state_busy_at = {trunk.max_calls}"]
    if trunk.srtp:
        lines += ["media_encryption = sdes"]
    if trunk.user:
        lines += [f"outbound_auth = {trunk.name}", f"from_user = {trunk.user}"]
    lines += ["", f"[{trunk.name}](trunk-aor)", f"contact = {uri}", ""]
    lines += [f"[{trunk.name}]", "type = identify", f"endpoint = {trunk.name}"]
    lines += [f"match = {network}" for network in trunk.networks or (trunk.host,)]
    if trunk.user:
        secret = _safe(password(trunk.password_file))
        lines += ["", f"[{trunk.name}]", "type = auth", "auth_type = digest", f"username = {trunk.user}"]
        lines += [f"password = {secret}"]
    if trunk.register:
        lines += ["", f"[{trunk.name}]", "type = registration", f"transport = {trunk.transport}"]
        lines += [f"outbound_auth = {trunk.name}", f"server_uri = {uri}", f"client_uri = sip:{trunk.user}@{trunk.host}"]
        lines += ["retry_interval = 30", "fatal_retry_interval = 300", "forbidden_retry_interval = 300"]
    return "\n".join(lines) + "\n"


def _agent(extension: str, secret: str) -> str:
    return (
        f"[{extension}](phone-like)\nauth = {extension}\naors = {extension}\ncallerid = {extension} <{extension}>\n\n"
        f"[{extension}](phone-aor)\n\n"
        f"[{extension}]\ntype = auth\nauth_type = digest\nusername = {extension}\npassword = {secret}\n"
    )


def _board(board: Board) -> str:
    first, last = board.first_channel, board.first_channel + board.ports - 1
    if board.kind == "e1":
        # Channel 16 of each span of 31 carries the signalling.
        voice = [number for number in range(first, last + 1) if (number - first) % 31 != 15]
        channels = ",".join(_spans(voice))
        kind = "signalling = pri_cpe\nswitchtype = euroisdn\n"
    elif board.slots:
        return f"; board {board.name}\n" + "".join(_slot(board, slot) for slot in board.slots if slot.module)
    else:
        channels = f"{first}-{last}"
        kind = "signalling = fxs_ks\n"
    return f"; board {board.name}\ncontext = from-trunk\ngroup = {board.group}\n{kind}channel => {channels}\n"


def _slot(board: Board, slot: Slot) -> str:
    """Every port of a module is Asterisk's from the start, also a spare one: a reload gives a channel another group,
    but makes no channel. Only lines in service are in the group that calls go out by."""
    # A module towards the exchange (FXO) is signalled as a telephone would, one towards telephones as the exchange.
    outside = slot.side == "outside"
    text = f"; slot {slot.number}: {slot.module}, {slot.side}{', failed' if slot.failed else ''}\n"
    text += f"context = {'from-trunk' if outside else 'from-agents'}\n"
    text += f"signalling = {'fxs_ks' if outside else 'fxo_ks'}\n"
    for port, channel in enumerate(board.channels(slot.number)):
        line = slot.lines[port] if port < len(slot.lines) else ""
        group = f" {board.group}" if _goes_out(board, slot, line) else ""
        text += f"group ={group}\nchannel => {channel}  ; {line or 'spare'}{' (out)' if line in slot.out else ''}\n"
    return text


def _goes_out(board: Board, slot: Slot, line: str) -> bool:
    """Whether calls go out by this line of the slot."""
    plugged = bool(line) and slot.side == "outside"
    return plugged and board.in_service and not slot.failed and line not in slot.out


def _spans(numbers: list[int]) -> list[str]:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return [f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans]


def _routes(plant: Plant) -> str:
    trunks = {trunk.name: trunk for trunk in plant.trunks}
    boards = {board.name: board for board in plant.boards}
    last = " | ".join(f'"${{HANGUPCAUSE}}" = "{cause}"' for cause in LAST_CAUSES)
    again = " | ".join(f'"${{HANGUPCAUSE}}" = "{cause}"' for cause in NEXT_ROUTE_CAUSES)
    lines = ["[route]", "exten => s,1,Set(NUMBER=${FILTER(0-9,${ARG1})})"]
    hops = [name for name in plant.routes if _carries(name, trunks, boards)]
    for hop, name in enumerate(hops, start=1):
        following = f"hop{hop + 1}"
        lines.append(f" same => n(hop{hop}),NoOp(route {name})")
        if name in trunks:
            most = trunks[name].max_calls
            lines += [
                f' same => n,GotoIf($["${{DEVICE_STATE(PJSIP/{name})}}" = "UNAVAILABLE"]?{following})',
                f" same => n,Set(GROUP(out)={name})",
                f" same => n,GotoIf($[${{GROUP_COUNT({name}@out)}} > {most}]?{following})",
                f" same => n,Dial(PJSIP/${{NUMBER}}@{name},{RING_S})",
            ]
        else:
            lines.append(f" same => n,Dial(DAHDI/g{boards[name].group}/${{NUMBER}},{RING_S})")
        lines += [
            " same => n,Set(ROUTE_CAUSE=${HANGUPCAUSE})",
            f" same => n,GotoIf($[{last}]?done)",
            f' same => n,GotoIf($["${{DIALSTATUS}}" = "CHANUNAVAIL" | {again}]?{following}:done)',
        ]
    lines += [f" same => n(hop{len(hops) + 1}),Set(ROUTE_CAUSE=34)", " same => n(done),Return()"]
    return "\n".join(lines) + "\n"


def _carries(name: str, trunks: Mapping[str, Trunk], boards: Mapping[str, Board]) -> bool:
    """Whether calls go out by it now."""
    if name in trunks:
        return trunks[name].in_service
    board = boards[name]
    return (
        board.in_service
        and not board.dead
        and (not board.slots or any(_goes_out(board, slot, line) for slot in board.slots for line in slot.lines))
    )


def _safe(secret: str) -> str:
    """A secret as a value of Asterisk's files: a semicolon begins a comment there."""
    if not secret or any(ord(character) < 33 for character in secret):
        raise PlantError("a password is empty or has spaces or line ends in it: write another")
    return secret.replace("\\", "\\\\").replace(";", "\\;")
