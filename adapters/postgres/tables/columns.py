"""Columns and references that many tables have."""

from typing import Any

from sqlalchemy import (
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Text,
    func,
    text,
)
from sqlmodel import Field


def created_at() -> Any:
    """When the row was written, by the database's clock."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "nullable": False},
    )


def updated_at() -> Any:
    """When it was last written through the ORM."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "onupdate": func.now(), "nullable": False},
    )


def moment() -> Any:
    """A time that may not have come."""
    return Field(default=None, sa_type=DateTime(timezone=True))


def revision() -> Any:
    """Counted by a trigger (`count_revisions`) whenever what an administrator sees has changed."""
    return Field(
        default=1,
        sa_type=Integer,
        sa_column_kwargs={"server_default": text("1"), "nullable": False},
    )


def counter(start: int) -> Any:
    """A number that begins at `start`."""
    return Field(
        default=start,
        sa_type=Integer,
        sa_column_kwargs={"server_default": text(str(start)), "nullable": False},
    )


def organization_id(*, index: bool = True) -> Any:
    """Whose row it is; it goes with its organisation."""
    return Field(foreign_key="organizations.id", ondelete="CASCADE", sa_type=Text, index=index)


def own(column: str, table: str, *, ondelete: str) -> ForeignKeyConstraint:
    """A reference that cannot leave the organisation: foreign keys look past row-level security."""
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )
