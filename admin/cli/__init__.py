"""The command `orderline`: the entry point only. Each command has a module of its own, loaded when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with the command's status."""
    from admin.cli.group import orderline  # noqa: PLC0415 (the library callers of this package need no click)

    orderline(prog_name="orderline")
