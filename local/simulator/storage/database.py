"""The SQLite file: its tables and its transactions.

One connection, used from the event loop only. Write-ahead logging keeps every committed transaction
through a `kill -9`; each statement takes well under a millisecond, so nothing is handed to threads.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS numbers (
  phone_number_id TEXT PRIMARY KEY, waba_id TEXT NOT NULL, settings TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS subscriptions (waba_id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, wa_id TEXT UNIQUE, user_id TEXT NOT NULL UNIQUE,
  created_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  person_id TEXT, phone_number_id TEXT NOT NULL, direction TEXT NOT NULL, type TEXT NOT NULL,
  content TEXT NOT NULL, context TEXT, status TEXT NOT NULL, at REAL NOT NULL,
  recipient TEXT, callback_data TEXT, error TEXT, faults TEXT NOT NULL, extra TEXT) STRICT;
CREATE INDEX IF NOT EXISTS messages_of_chat ON messages (person_id, phone_number_id, seq);
CREATE TABLE IF NOT EXISTS media (
  id TEXT PRIMARY KEY, phone_number_id TEXT, mime_type TEXT NOT NULL, sha256 TEXT NOT NULL,
  size INTEGER NOT NULL, filename TEXT, expires_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS status_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, status TEXT NOT NULL,
  due_at REAL NOT NULL, error TEXT, copies INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE INDEX IF NOT EXISTS status_changes_due ON status_changes (due_at);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, kind TEXT NOT NULL,
  phone_number_id TEXT NOT NULL, person_id TEXT, message_id TEXT, body TEXT NOT NULL,
  signature TEXT, state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL, due_at REAL NOT NULL, last_status INTEGER, last_answer TEXT,
  finished_at REAL) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (lane, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_of_message ON deliveries (message_id);
CREATE TABLE IF NOT EXISTS sends (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, phone_number_id TEXT NOT NULL,
  person_id TEXT, message_id TEXT, body TEXT NOT NULL, status_code INTEGER,
  answer TEXT, fault TEXT) STRICT;
CREATE TABLE IF NOT EXISTS templates (
  waba_id TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL, status TEXT NOT NULL, parameter_format TEXT NOT NULL,
  components TEXT NOT NULL, PRIMARY KEY (waba_id, name, language)) STRICT;
CREATE TABLE IF NOT EXISTS desks (
  phone_number_id TEXT PRIMARY KEY, api_url TEXT NOT NULL, organization_id TEXT NOT NULL,
  api_key TEXT NOT NULL) STRICT;
"""

KEPT_RECORDS = 20_000
"""Finished deliveries and sends kept for the panel; older ones are removed at the start."""


class Database:
    """The connection. `transaction()` is all or nothing, also across a kill of the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA busy_timeout = 5000")
        self._connection.executescript(SCHEMA)
        self._add_missing_columns()
        self._prune()

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did, or nothing of it. Nested blocks join the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def fact(self, name: str) -> str | None:
        """A single remembered value, such as the notice or the fault rules."""
        found = self.row("SELECT value FROM facts WHERE name = ?", name)
        return None if found is None else str(found["value"])

    def remember(self, name: str, value: str) -> None:
        self.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    def forget(self, name: str) -> None:
        self.execute("DELETE FROM facts WHERE name = ?", name)

    def _add_missing_columns(self) -> None:
        """Files of earlier versions have all their tables, but not every column."""
        known = {row["name"] for row in self.rows("PRAGMA table_info(messages)")}
        if "extra" not in known:
            self.execute("ALTER TABLE messages ADD COLUMN extra TEXT")

    def _prune(self) -> None:
        self.execute(
            "DELETE FROM deliveries WHERE state != 'pending'"
            " AND id <= (SELECT max(id) FROM deliveries) - ?",
            KEPT_RECORDS,
        )
        self.execute("DELETE FROM sends WHERE id <= (SELECT max(id) FROM sends) - ?", KEPT_RECORDS)
