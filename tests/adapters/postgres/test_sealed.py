"""A secret opens for the organisation that it was sealed for, and for no other."""

import pytest

from adapters.keyring import KeyRing, SealError
from adapters.postgres.sealed import SealedColumn, sealed_columns

COLUMNS = [column for columns in sealed_columns().values() for column in columns]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda one: f"{one.table}.{one.column}")
def test_another_organisation_cannot_open_it(column: SealedColumn, keyring: KeyRing) -> None:
    ours, theirs = (
        column.context(organization_id=organization, row_id="row")
        for organization in ("org_1", "org_2")
    )
    sealed = keyring.seal(b"secret", context=ours)
    assert keyring.open(sealed, context=ours) == b"secret"
    with pytest.raises(SealError):
        keyring.open(sealed, context=theirs)
