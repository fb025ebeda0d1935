"""Files brought in through the console: first tried, each fault named by line, then written; noted in the audit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin.web.console.access import FILES_PATH, allowed, person
from admin.web.console.pages import complained, console_texts, parts, reading, show
from orders.imports.load import Report, import_file
from orders.imports.sheet import UnreadableFile
from orders.imports.tables import TABLES
from orders.models import AuditEntry

FAULTS_SHOWN = 200
KINDS_OF_FILES = frozenset({".csv", ".xlsx", ".xlsm"})


views = Blueprint("console_imports", __name__)


@views.get(FILES_PATH)
@allowed("imports.run")
def imports() -> Response:
    return _page(None, "")


@views.post(FILES_PATH)
@allowed("imports.run")
def bring_in() -> Response:
    kind, file = request.form.get("kind", ""), request.files.get("file")
    page = console_texts()
    suffix = Path(file.filename or "").suffix.lower() if file else ""
    if kind not in TABLES or file is None or suffix not in KINDS_OF_FILES:
        complained(page.t("imports.choose"))
        return _page(None, kind, 400)
    with tempfile.TemporaryDirectory(prefix="orderline-import-") as folder:
        path = Path(folder) / f"upload{suffix}"
        file.save(path)
        try:
            report = import_file(
                parts().store,
                kind,
                path,
                pin_key=parts().desk.pin_key,
                keep_good=bool(request.form.get("good_rows")),
            )
        except UnreadableFile as unreadable:
            reason = str(unreadable).replace(str(path), file.filename or "")
            complained(page.t("imports.unreadable", reason=reason))
            return _page(None, kind, 400)
    report.file = file.filename or ""
    if report.written:
        told = f"{report.file[:80]}: {report.lines} lines, {report.written} written, {report.bad} faults"
        with parts().store.transaction() as session:
            at, actor, about = parts().now(), person().name, f"file {kind}"
            session.add(AuditEntry(at=at, actor=actor, what="imported", about=about, detail=told))
    return _page(report, kind)


def _page(report: Report | None, kind: str, status: int = 200) -> Response:
    with reading() as session:
        earlier = select(AuditEntry).where(AuditEntry.what == "imported").order_by(AuditEntry.id.desc()).limit(10)
        entries = session.scalars(earlier).all()
        return show(
            "imports.html",
            "imports",
            status,
            tables=TABLES,
            chosen=kind or "retailers",
            report=report,
            faults=report.faults[:FAULTS_SHOWN] if report else (),
            entries=entries,
        )
