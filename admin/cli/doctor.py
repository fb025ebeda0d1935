"""`orderline doctor`: every check, one line each, and what to do about what is not well."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator

import click

from admin.checkup.asterisk import check_asterisk
from admin.checkup.finding import Finding, examine
from admin.checkup.machine import check_clock, check_data_folder, check_disk, check_pages, check_ports
from admin.checkup.parts import (
    check_database,
    check_media_process,
    check_prompts,
    check_sales_system,
    check_surroundings,
)
from admin.checkup.twilio import check_twilio
from admin.cli.configured import effective_configuration
from admin.config import ConfigError

CHECKS = (
    check_data_folder,
    check_disk,
    check_clock,
    check_database,
    check_sales_system,
    check_prompts,
    check_ports,
    check_pages,
    check_surroundings,
    check_media_process,
    check_asterisk,
    check_twilio,
)
COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


@click.command(short_help="Check that everything works on this machine, and say what to do.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON list.")
def doctor(as_json: bool) -> None:
    """Check configuration, folders, disk, clock, databases, prompts and voices, ports, and the lines' far sides.

    Changes nothing, and may be run beside a running order line.

    \b
    Examples:
      orderline doctor
      orderline --config /etc/orderline.toml doctor --json

    Exit status: 0 when nothing failed (warnings may stand), 1 when something did.
    """
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            _show(finding)
    failed = sum(finding.level == "FAIL" for finding in findings)
    warned = sum(finding.level == "WARN" for finding in findings)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        click.echo(f"{len(findings)} findings: {failed} failed, {warned} to look at")
    sys.exit(1 if failed else 0)


def _findings() -> Iterator[Finding]:
    try:
        config = effective_configuration()
        config.database_url(), config.sales_url()
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Finding("FAIL", "configuration", line, "correct it; `orderline config --example` explains every key")
        return
    yield Finding("OK", "configuration", "it can be used")
    yield from examine(config, CHECKS)


def _show(finding: Finding) -> None:
    level = click.style(f"{finding.level:<4}", fg=COLOURS[finding.level], bold=finding.level != "OK")
    click.echo(f"{level}  {finding.about:<14}  {finding.says}")
    if finding.do:
        click.echo(f"      {'':<14}  -> {finding.do}")
