"""What the page shows of Parley beside a number: an organisation there, and a key to it."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from local.simulator.storage.database import Database


class Desk(BaseModel):
    """The key is an administrator's of that organisation; it stays inside the simulator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_url: str = Field(pattern=r"^https?://\S+$", max_length=2048)
    organization_id: str = Field(pattern=r"^[A-Za-z0-9_]{1,64}$")
    api_key: SecretStr = Field(min_length=1, max_length=512)


class Desks:
    """One desk per number, or none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, phone_number_id: str, desk: Desk) -> None:
        self._database.execute(
            "INSERT INTO desks (phone_number_id, api_url, organization_id, api_key)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (phone_number_id) DO UPDATE SET"
            " api_url = excluded.api_url, organization_id = excluded.organization_id,"
            " api_key = excluded.api_key",
            phone_number_id,
            desk.api_url,
            desk.organization_id,
            desk.api_key.get_secret_value(),
        )

    def get(self, phone_number_id: str) -> Desk | None:
        row = self._database.row(
            "SELECT api_url, organization_id, api_key FROM desks WHERE phone_number_id = ?",
            phone_number_id,
        )
        return None if row is None else Desk(**dict(row))
