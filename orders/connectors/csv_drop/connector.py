"""Implements `port.Connector` with a folder that both sides reach.

    out/     orders for the sales system: KEY.csv and, before it, KEY.manifest.json; it takes them away when it has them
    ack/     what it says of them: any *.csv with order_key, status, reason; the last file by name counts
    kept/    by order day, our own copy of everything ever put into out/: what makes a key the same order for ever
    staged/  orders on their way into out/: empty but for moments

"Accepted" means that the order lies in out/, durably: from there it is the sales system's. A file moves there from
staged/ in one step, after its copy is kept; so that after any crash it is known whether it was there already, though
the other side may have taken it away since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from orders.connectors.csv_drop.disk import Disk
from orders.connectors.csv_drop.files import acknowledgements, manifest_of, order_as_csv, order_from_csv
from orders.connectors.port import (
    Accepted,
    Claim,
    Delivery,
    HeldOrder,
    HeldStatus,
    Refused,
    SalesOrder,
    Unknown,
    Unreachable,
)

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class CsvDropConnector:
    """One drop folder. Its parent must be there: a share that is not mounted must not look like an empty one."""

    name = "csv_drop"

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = disk or Disk()

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:  # noqa: ARG002 — the kept copy does the claiming
        if not _KEY.fullmatch(order.order_key) or not _DAY.fullmatch(order.order_day):
            return Refused(f"order key {order.order_key[:64]!r} of {order.order_day[:10]!r} can't name a file")
        try:
            self._prepare(order.order_day)
            with self._disk.alone(self._folder / "staged"):
                return self._drop(order)
        except OSError as error:
            return Unknown(f"the drop folder {self._folder}: {error.strerror or error}")

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        try:
            said = self._acknowledged()
            kept = self._disk.list(self._kept(order_day))
            return iter([_as_said(order, said) for order in map(self._order_in, kept) if order])
        except OSError as error:
            raise Unreachable(f"the drop folder {self._folder}: {error.strerror or error}") from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _prepare(self, order_day: str) -> None:
        if not self._folder.parent.is_dir():
            raise FileNotFoundError(2, f"{self._folder.parent} is not there: mount it, or correct sales.csv.folder")
        for folder in ("out", "ack", "staged"):
            self._disk.make(self._folder / folder)
        self._disk.make(self._kept(order_day))

    def _drop(self, order: SalesOrder) -> Delivery:
        name, content = f"{order.order_key}.csv", order_as_csv(order)
        staged, kept = self._folder / "staged" / name, self._kept(order.order_day) / name
        known = self._known(order)
        if known is not None and known != content:
            return Refused("another content was dropped under this key before")
        if known is None:
            self._disk.write(staged, content)
            self._disk.link(staged, kept)
        elif self._disk.read(staged) is None:
            return Accepted(name)
        self._disk.write(self._folder / "out" / f"{order.order_key}.manifest.json", manifest_of(order, content))
        self._disk.move(staged, self._folder / "out" / name)
        return Accepted(name)

    def _known(self, order: SalesOrder) -> bytes | None:
        """What was kept under this key, on whatever day."""
        mine = self._disk.read(self._kept(order.order_day) / f"{order.order_key}.csv")
        if mine is not None:
            return mine
        others = (self._folder / "kept").glob(f"*/{order.order_key}.csv")
        return next((self._disk.read(other) for other in others), None)

    def _kept(self, order_day: str) -> Path:
        return self._folder / "kept" / order_day

    def _order_in(self, path: Path) -> HeldOrder | None:
        content = self._disk.read(path)
        return order_from_csv(content, path.name) if content is not None else None

    def _acknowledged(self) -> dict[str, tuple[HeldStatus, str]]:
        said: dict[str, tuple[HeldStatus, str]] = {}
        for path in self._disk.list(self._folder / "ack"):
            if path.suffix == ".csv":
                content = self._disk.read(path) or b""
                said |= {key: (status, reason) for key, status, reason in acknowledgements(content)}
        return said


def _as_said(order: HeldOrder, said: dict[str, tuple[HeldStatus, str]]) -> HeldOrder:
    status, reason = said.get(order.order_key, ("accepted", ""))
    return replace(order, status=status, reason=reason)
