"""The one sales system the configuration names, as a connector, and its scheduled care: follow orders, reconcile.

Scheduled work runs on whichever node holds the lease at that moment; a sales system that is away is asked next time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from admin.config import Config, ConfigError, secret
from admin.config_sections import Sales, SalesHttp, SalesTryton
from orders import leases
from orders.connectors.csv_drop.connector import CsvDropConnector
from orders.connectors.http_json.client import HttpSettings
from orders.connectors.http_json.connector import HttpJsonConnector
from orders.connectors.port import Connector, Unreachable
from orders.connectors.sql_tables import SqlTablesConnector
from orders.connectors.tryton.connector import TrytonConnector
from orders.connectors.tryton.settings import TrytonSettings
from orders.reconciliation import follow, reconcile
from orders.store import Store, explain

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
DAYS_FOLLOWED = 3
"""An order is debited within so many days; older ones are looked at by reconciliation on demand."""


def connector_of(config: Config) -> Connector:
    """The connector of the configured system; connects at first use. Raises ConfigError."""
    if config.sales.system == "http_json":
        return HttpJsonConnector(http_settings(config.sales.http))
    if config.sales.system == "tryton":
        return TrytonConnector(tryton_settings(config.sales.tryton))
    if config.sales.system == "csv_drop":
        if not config.sales.csv.folder:
            raise ConfigError("sales.csv.folder is empty: name the drop folder, or choose another sales.system")
        return CsvDropConnector(Path(config.sales.csv.folder).expanduser())
    return SqlTablesConnector(config.sales_url())


def parallel_of(config: Config) -> int:
    """How many retailers are handed over at once: in Tryton deliveries share calls, so that many cost little more."""
    return config.sales.parallel or (32 if config.sales.system == "tryton" else 4)


def http_settings(http: SalesHttp) -> HttpSettings:
    """For `orders.connectors.http_json`. Raises ConfigError, also when the secret's file can't be read."""
    shared = secret(http.secret, http.secret_file, "sales.http.secret_file")
    try:
        settings = HttpSettings(http.url, shared.encode(), http.gives_up_after_s, http.allow_private, http.ca_file)
        HttpJsonConnector(settings)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return settings


def tryton_settings(tryton: SalesTryton) -> TrytonSettings:
    """For `orders.connectors.tryton`. Raises ConfigError, also when the password's file can't be read."""
    password = secret(tryton.password, tryton.password_file, "sales.tryton.password_file")
    if not tryton.user or not password:
        raise ConfigError("sales.tryton names no user, or its password is empty: both are needed to sign in there")
    try:
        return TrytonSettings(
            tryton.url,
            tryton.database,
            tryton.user,
            password,
            company=tryton.company,
            taxes=tryton.taxes,
            create_missing=tryton.create_missing,
            calls_at_once=tryton.calls_at_once,
            timeout_s=min(20.0, tryton.gives_up_after_s),
            gives_up_after_s=tryton.gives_up_after_s,
            ca_file=tryton.ca_file,
        )
    except ValueError as error:
        raise ConfigError(f"sales.tryton: {error}") from error


class SalesCare:
    """Follows what becomes of orders and reconciles each day, when the node's schedule says so."""

    def __init__(
        self,
        store: Store,
        connector: Connector,
        config: Config,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._connector = connector
        self._zone = config.zone()
        self._node = config.node
        self._now = now

    def add_to(self, schedule: BaseScheduler, sales: Sales) -> None:
        """Plan the work as configured."""
        hour, _, minute = sales.reconcile_at.partition(":")
        at = CronTrigger(hour=int(hour), minute=int(minute), timezone=self._zone)
        # A node that was down or asleep at the hour makes up for it within the next hours.
        schedule.add_job(self.reconcile, at, misfire_grace_time=6 * 3600, coalesce=True)
        every = IntervalTrigger(minutes=sales.follow_every_min)
        schedule.add_job(self.follow, every, misfire_grace_time=60, coalesce=True)

    def follow(self) -> None:
        """Bring home the statuses of the last days' orders."""
        if self._leads("sales-follow"):
            self._each_day("orders_followed", lambda day: follow(self._store, self._connector, day))

    def reconcile(self) -> None:
        """Compare today and the days before it."""
        if self._leads("sales-reconcile"):
            self._each_day("orders_reconciled", self._reconciled)

    def _reconciled(self, day: date) -> int:
        run = reconcile(self._store, self._connector, day, self._now())
        still_open = sum(difference.state == "open" for difference in run.differences)
        if still_open:
            log.warning("sales_differ", day=day.isoformat(), differences=still_open, see="orderline sales reconcile")
        return still_open

    def _leads(self, work: str) -> bool:
        try:
            with self._store.transaction() as session:
                return leases.take(session, work, self._node, self._now(), LEASE) is not None
        except (SQLAlchemyError, OSError) as error:
            log.error("lease_unreadable", work=work, reason=explain(error))
            return False

    def _each_day(self, what: str, work: Callable[[date], int]) -> None:
        today = self._now().astimezone(self._zone).date()
        for back in range(DAYS_FOLLOWED):
            day = today - timedelta(days=back)
            try:
                log.info(what, day=day.isoformat(), count=work(day))
            except Unreachable as error:
                log.warning("sales_system_away", reason=str(error))
                return
            except (SQLAlchemyError, OSError) as error:
                log.error("orders_not_compared", day=day.isoformat(), reason=explain(error))
                return
