"""What comes off the wire, looked at with suspicion: a sound request or response, a flaw to be answered, or nothing.

aiosipua parses leniently (RFC 4475 in its tests); here its result is held against the rules that the rest of this
package relies on: one From, To, Call-ID and CSeq each, numbers that are numbers, a Via that can be answered. Nothing
here raises for what a stranger sent, and nothing is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiosipua import SipMessage, SipRequest, SipResponse, Via, parse_via, stringify_via

from ivr.lines.sip.hop import SIP_PORT, Hop

LARGEST_MESSAGE = 65_535
LONGEST_VALUE = 4_096
MOST_VIAS = 70
_SHORT = {"x": "Session-Expires", "o": "Event", "u": "Allow-Events", "r": "Refer-To", "b": "Referred-By"}
"""Compact forms of later RFCs (3515, 3892, 4028, 6665), which aiosipua leaves as they are."""
_SINGLE = (
    *("from", "to", "call-id", "cseq", "max-forwards"),
    *("content-length", "content-type", "expires", "session-expires"),
)
_REQUIRED = ("via", "from", "to", "call-id", "cseq")
_TOKEN = re.compile(r"[A-Za-z0-9!%*_+`'~.-]{1,64}")
_CALL_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
_CSEQ = re.compile(r"([0-9]{1,10})\s+([A-Za-z0-9!%*_+`'~.-]{1,64})")
_TAG = re.compile(r"(?i);\s*tag\s*=\s*([^\s;,>\"]{1,255})")
_REQUEST_LINE = re.compile(r"(\S+) (\S+) SIP/2\.0")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255}")


@dataclass(frozen=True, slots=True)
class Request:
    """A sound request. `key` finds its transaction (RFC 3261 §17.2.3), `reply_to` is where its answers go."""

    message: SipRequest
    source: Hop
    reply_to: Hop
    method: str
    cseq: int
    call_id: str
    from_tag: str
    to_tag: str
    branch: str
    sent_by: str

    @property
    def key(self) -> tuple[str, str, str]:
        """An ACK belongs to the INVITE of the same branch."""
        return self.branch, self.sent_by, "INVITE" if self.method == "ACK" else self.method

    def header(self, name: str) -> str:
        """The first value, "" when there is none."""
        return self.message.headers.get_first(name) or ""

    def tokens(self, name: str) -> set[str]:
        """A list header (Supported, Allow …) in lower case."""
        return {value.strip().lower() for value in self.message.headers.get(name)}

    @property
    def sdp(self) -> str | None:
        """The session description, None when the body is none."""
        kind = self.header("content-type").split(";")[0].strip().lower()
        return self.message.text if self.message.body and kind == "application/sdp" else None


@dataclass(frozen=True, slots=True)
class Response:
    """A sound response to something of ours."""

    message: SipResponse
    source: Hop
    status: int
    branch: str
    method: str
    cseq: int
    to_tag: str

    def header(self, name: str) -> str:
        """The first value, "" when there is none."""
        return self.message.headers.get_first(name) or ""

    @property
    def sdp(self) -> str | None:
        """The session description, None when the body is none."""
        kind = self.header("content-type").split(";")[0].strip().lower()
        return self.message.text if self.message.body and kind == "application/sdp" else None


@dataclass(frozen=True, slots=True)
class Flaw:
    """A message that can't be used, and why (for the log). With `request`, it can be answered so."""

    reason: str
    status: int = 400
    phrase: str = "Bad Request"
    request: SipRequest | None = field(default=None, repr=False)
    reply_to: Hop | None = None


class _Bad(Exception):
    def __init__(self, reason: str, status: int = 400, phrase: str = "Bad Request") -> None:
        super().__init__(reason)
        self.reason, self.status, self.phrase = reason, status, phrase


def read(data: bytes, source: Hop) -> Request | Response | Flaw | None:
    """The message in `data`; None for what is none by intent (keep-alives)."""
    if not data.strip(b"\r\n\t \0"):
        return None
    if len(data) > LARGEST_MESSAGE:
        return Flaw("too large")
    try:
        message = SipMessage.parse(data.lstrip(b"\r\n"))
    except (ValueError, IndexError, KeyError, OverflowError, UnboundLocalError) as error:
        return Flaw(f"unreadable: {type(error).__name__}")
    _expand(message)
    first_line = data.lstrip(b"\r\n").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if isinstance(message, SipResponse):
        return _response(message, source, first_line)
    try:
        via = _top_via(message)
    except _Bad as bad:
        return Flaw(bad.reason)
    reply_to = _stamp(message, via, source)
    try:
        return _request(message, via, source, reply_to, first_line)
    except _Bad as bad:
        return Flaw(bad.reason, bad.status, bad.phrase, message, reply_to)


def _expand(message: SipRequest | SipResponse) -> None:
    for short, name in _SHORT.items():
        for value in list(message.headers.get(short)):
            message.headers.append(name, value)
        message.headers.remove(short)


def _request(message: SipRequest, via: Via, source: Hop, reply_to: Hop, first_line: str) -> Request:
    method = _method_of(message, first_line)
    _check_headers(message)
    number, named = _cseq(message)
    if named != method:
        raise _Bad("the CSeq names another method")
    if not message.uri.lower().startswith(("sip:", "sips:", "tel:")):
        raise _Bad("a URI of another scheme", 416, "Unsupported URI Scheme")
    from_tag, to_tag = _tag(message, "from"), _tag(message, "to")
    if not from_tag:
        raise _Bad("From has no tag")
    call_id = message.call_id or ""
    branch = (via.branch or "").strip()
    if not branch.lower().startswith("z9hg4bk"):
        # RFC 2543: no unique branch; all that identifies the request stands in for it (RFC 3261 §17.2.3).
        branch = f"{call_id}|{number}|{from_tag}|{to_tag}|{message.uri}|{branch}"
    sent_by = f"{via.host.lower()}:{via.port or SIP_PORT}"
    return Request(message, source, reply_to, method, number, call_id, from_tag, to_tag, branch, sent_by)


def _method_of(message: SipRequest, first_line: str) -> str:
    if not _TOKEN.fullmatch(message.method):
        raise _Bad("the method is no token")
    if not _REQUEST_LINE.fullmatch(first_line):
        if re.search(r" SIP/(?!2\.0$)\d+\.\d+$", first_line):
            raise _Bad("another SIP version", 505, "Version Not Supported")
        raise _Bad("the request line is broken")
    return message.method


def _check_headers(message: SipRequest | SipResponse) -> None:
    headers = message.headers
    for name in _REQUIRED:
        if not headers.get_first(name):
            raise _Bad(f"no {name}")
    for name in _SINGLE:
        if len(headers.get(name)) > 1:
            raise _Bad(f"more than one {name}")
    for name, values in headers.items():
        if any(len(value) > LONGEST_VALUE for value in values):
            raise _Bad(f"{name[:20]} is too long")
        if any("\0" in value for value in values):
            raise _Bad(f"{name[:20]} holds a zero byte")
    if not _CALL_ID.fullmatch(message.call_id or ""):
        raise _Bad("the Call-ID is no word")
    _check_length(message)
    forwards = headers.get_first("max-forwards")
    if forwards is not None and not re.fullmatch(r"[0-9]{1,3}", forwards):
        raise _Bad("Max-Forwards is no small number")


def _check_length(message: SipRequest | SipResponse) -> None:
    declared = message.headers.get_first("content-length")
    if declared is None:
        return
    if not re.fullmatch(r"[0-9]{1,6}", declared):
        raise _Bad("Content-Length is no length")
    if len(message.body) < int(declared):
        raise _Bad("the body is shorter than Content-Length says")


def _cseq(message: SipRequest | SipResponse) -> tuple[int, str]:
    found = _CSEQ.fullmatch((message.headers.get_first("cseq") or "").strip())
    if not found or int(found[1]) >= 2**31:
        raise _Bad("the CSeq is no number and method")
    return int(found[1]), found[2]


def _tag(message: SipRequest | SipResponse, name: str) -> str:
    value = message.headers.get_first(name) or ""
    if "<" in value:
        value = value.rpartition(">")[2]
    found = _TAG.search(value)
    return found[1] if found else ""


def _top_via(message: SipRequest) -> Via:
    values = message.headers.get("via")
    if not values or len(values) > MOST_VIAS:
        raise _Bad("no Via to answer to")
    # Blanks are allowed almost everywhere in it (RFC 4475 §3.1.1.1).
    plain = re.sub(r"\s*([;:=/])\s*", r"\1", values[0])
    try:
        via = parse_via(plain)
    except (ValueError, IndexError, UnboundLocalError) as error:
        raise _Bad("an unreadable Via") from error
    if not re.match(r"(?i)SIP/2\.0/[A-Z]{2,8} ", plain) or not _HOST.fullmatch(via.host):
        raise _Bad("a Via that is none")
    if via.port is not None and not 0 < via.port < 65536:
        raise _Bad("a Via with a port that is none")
    return via


def _stamp(message: SipRequest, via: Via, source: Hop) -> Hop:
    """Write into the Via where the request really came from (RFC 3261 §18.2.1, RFC 3581); say where to answer.

    Answers never go to another host than the sender, whatever the Via claims: we are no amplifier.
    """
    symmetric = "rport" in via.params
    if symmetric or via.host != source.host:
        via.params["received"] = source.host
    if symmetric:
        via.params["rport"] = str(source.port)
    rest = message.headers.get("via")[1:]
    message.headers.remove("Via")
    for value in (stringify_via(via), *rest):
        message.headers.append("Via", value)
    if source.transport == "TCP" or symmetric:
        return source
    return Hop(source.transport, source.host, via.port or SIP_PORT)


def _response(message: SipResponse, source: Hop, first_line: str) -> Response | Flaw:
    if not re.match(r"SIP/2\.0 [1-6][0-9]{2}( |$)", first_line):
        return Flaw("a broken status line")
    try:
        _check_headers(message)
        number, method = _cseq(message)
        via = parse_via(message.headers.get("via")[0])
    except (_Bad, ValueError, IndexError, UnboundLocalError) as error:
        return Flaw(f"a broken response: {error}")
    if len(message.headers.get("via")) != 1:
        return Flaw("a response that is another's")
    branch = (via.branch or "").strip()
    return Response(message, source, message.status_code, branch, method, number, _tag(message, "to"))
