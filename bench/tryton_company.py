"""A trading company in an empty Tryton database: currency, accounts, fiscal years, the carton as a unit, our user.

Runs in Tryton's own Python, not in ours: `TRYTOND_CONFIG=… python tryton_company.py DATABASE USER PASSWORD`.
"""

import datetime
import sys

from proteus import Model, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company
from trytond.modules.currency.tests.tools import get_currency

GROUPS = (
    "Sales",
    "Stock",
    "Party Administration",
    "Product Administration",
    "Account Product Administration",
)
"""What our user may do there: sell, see stock, and make parties and products where the settings say so."""


def main(database: str, user: str, password: str) -> None:
    config.set_trytond(f"postgresql:///{database}")
    yuan = get_currency("CNY")
    yuan.name, yuan.symbol = "人民币", "¥"
    yuan.save()
    create_company(currency=yuan)
    company = get_company()
    this_year = datetime.datetime.now(datetime.UTC).year
    for year in (this_year - 1, this_year, this_year + 1):
        days = (datetime.date(year, 1, 1), datetime.date(year, 12, 31))
        fiscal_year = create_fiscalyear(company, today=days)
        fiscal_year.start_date, fiscal_year.end_date = days
        set_fiscalyear_invoice_sequences(fiscal_year).click("create_period")
    create_chart(company)
    _accounts_of_goods(company)
    _carton()
    _payment_term()
    _our_user(company, user, password)


def _accounts_of_goods(company) -> None:
    category = Model.get("product.category")(name="卷烟", accounting=True)
    accounts = get_accounts(company)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()


def _carton() -> None:
    (pieces,) = Model.get("product.uom.category").find([("name", "=", "Units")])
    unit = Model.get("product.uom")
    unit(name="条", symbol="条", category=pieces, factor=1, rate=1, rounding=1, digits=0).save()


def _payment_term() -> None:
    term = Model.get("account.invoice.payment_term")(name="扣款")
    term.lines.new(type="remainder")
    term.save()
    accounting = Model.get("account.configuration")(1)
    accounting.default_customer_payment_term = term
    accounting.save()


def _our_user(company, name: str, password: str) -> None:
    group = Model.get("res.group")
    user = Model.get("res.user")(name="orderline", login=name, password=password)
    user.companies.append(company)
    user.company = company
    for title in GROUPS:
        user.groups.append(group.find([("name", "=", title)])[0])
    user.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
