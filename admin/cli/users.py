"""`orderline users`: the people of the console. The first one can be made nowhere else."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.cli.configured import configured
from admin.config import Config
from admin.opening import StartError, open_database, prepare_folder
from admin.staff.accounts import AccountError, add_user, disable_user, reset_user
from admin.staff.passwords import WeakPassword
from admin.staff.permissions import ROLES
from orders.models import StaffUser


@click.group()
def users() -> None:
    """Make, list, disable and reset the people who work with the console.

    \b
    Examples:
      orderline users add chen --full-name 陈静 --role administrator
      orderline users add liu --role agent --role supervisor
      orderline users add zhang --role approver --limit 50
      orderline users list
      orderline users reset chen
      orderline users disable liu
    """


@users.command()
@click.argument("name")
@click.option("--full-name", default="", help="The person's name as others see it [default: NAME].")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given again.")
@click.option("--limit", type=click.IntRange(0), help="Cartons a request, for the role approver.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--manager", default="", help="The customer manager this person is: only its retailers are shown.")
@click.option("--ask-password", is_flag=True, help="Type the first password instead of having one made up.")
@configured
def add(
    config: Config,
    name: str,
    full_name: str,
    roles: tuple[str, ...],
    limit: int | None,
    language: str,
    manager: str,
    ask_password: bool,
) -> None:
    """Make a user and print its first password, to be changed at the first signing in."""
    limits = {role: limit if role == "approver" else None for role in roles}
    if limit is not None and "approver" not in limits:
        raise click.UsageError("--limit is for --role approver")
    password = _asked() if ask_password else ""
    with _writing(config) as session:
        user, made = add_user(
            session,
            name,
            full_name,
            limits,
            actor=getpass.getuser(),
            now=datetime.now(UTC),
            password=password,
            language=language,
            manager=manager,
        )
        told = user.name
    _tell(config, told, "" if password else made)


@users.command("list")
@configured
def list_users(config: Config) -> None:
    """Everybody, with roles, second factor, and whether the account is open."""
    with _writing(config) as session:
        found = session.scalars(select(StaffUser).order_by(StaffUser.name)).all()
        for user in found:
            roles = ", ".join(
                f"{role.role} ≤ {role.approval_limit}" if role.approval_limit is not None else role.role
                for role in user.roles
            )
            click.echo(f"{user.name:16} {user.full_name:16} {_state(user, datetime.now(UTC)):10} {roles}")
    click.echo(
        f"{len(found)} users" if found else "no users; make the first: orderline users add NAME --role administrator"
    )


@users.command()
@click.argument("name")
@configured
def disable(config: Config, name: str) -> None:
    """Close an account at once; what the person did stays in the audit."""
    with _writing(config) as session:
        disable_user(session, name, actor=getpass.getuser(), now=datetime.now(UTC))
    click.echo(f"{name} is disabled; `orderline users reset {name}` opens the account again")


@users.command()
@click.argument("name")
@click.option("--ask-password", is_flag=True, help="Type the new password instead of having one made up.")
@configured
def reset(config: Config, name: str, ask_password: bool) -> None:
    """A new first password, no second factor, no lock: for whoever has lost one of them."""
    password = _asked() if ask_password else ""
    with _writing(config) as session:
        made = reset_user(session, name, actor=getpass.getuser(), now=datetime.now(UTC), password=password)
    _tell(config, name, "" if password else made)


def _tell(config: Config, name: str, password: str) -> None:
    if password:
        click.echo(f"user {name}, first password: {password}")
    else:
        click.echo(f"user {name}, with the password typed")
    host = "127.0.0.1" if config.web.host in ("0.0.0.0", "::") else config.web.host  # noqa: S104 (compared, not bound)
    click.echo(f"sign in at http://{host}:{config.web.port}/sign-in and choose an own password")


def _asked() -> str:
    password: str = click.prompt("password", hide_input=True, confirmation_prompt=True)
    return password


def _state(user: StaffUser, now: datetime) -> str:
    if user.disabled_at:
        return "disabled"
    if user.locked_until and user.locked_until > now:
        return "locked"
    return "2 factors" if user.totp_secret else "open"


@contextmanager
def _writing(config: Config) -> Iterator[Session]:
    """A transaction; what can't be done is told in one line. Beside a running line this is safe."""
    try:
        prepare_folder(config)
        store = open_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    try:
        with store.transaction() as session:
            yield session
    except (AccountError, WeakPassword) as error:
        raise click.ClickException(str(error)) from error
    finally:
        store.close()
