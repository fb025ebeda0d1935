"""What a benchmark returns, and the machine it was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path


def _machine() -> dict[str, str | int]:
    """Enough to compare two runs: processor, cores, Python, kernel."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


@dataclass(frozen=True, slots=True)
class Result:
    """`figures` are ours, `baseline` is what they stand beside; `notes` say what a reader must know."""

    name: str
    figures: dict[str, float]
    baseline: dict[str, float]
    notes: str
    machine: dict[str, str | int] = field(default_factory=_machine)


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all lies at or below; 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
