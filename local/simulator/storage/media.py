"""Media: what businesses upload (kept 30 days) and what people send (kept 7 days)."""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from local.simulator.storage.database import Database

MEGABYTE = 1024 * 1024

LARGEST = {
    "image": 5 * MEGABYTE,
    "audio": 16 * MEGABYTE,
    "video": 16 * MEGABYTE,
    "document": 100 * MEGABYTE,
    "sticker": 500 * 1024,
}
"""Bytes per media type (Meta, Cloud API media reference; a sticker's limit is the animated one)."""

ACCEPTED_MIME_TYPES = {
    "image": {"image/jpeg", "image/png"},
    "sticker": {"image/webp"},
    "audio": {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"},
    "video": {"video/mp4", "video/3gp", "video/3gpp"},
}
"""MIME types per media type; any is accepted as a document."""


class Media(BaseModel):
    """A stored file; `phone_number_id` is missing for what a person uploaded."""

    model_config = ConfigDict(frozen=True)

    id: str
    phone_number_id: str | None
    mime_type: str
    sha256: str
    """Lowercase hex; webhooks carry it as base64."""
    size: int
    filename: str | None
    expires_at: float

    @property
    def sha256_base64(self) -> str:
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class MediaStore:
    """Files in a folder beside the database, and links to them that end after a while."""

    def __init__(self, database: Database, *, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._folder = folder
        key = database.fact("media_key")
        if key is None:
            key = secrets.token_hex(32)
            database.remember("media_key", key)
        self._key = key.encode()

    def add(
        self,
        content: bytes,
        *,
        mime_type: str,
        filename: str | None,
        phone_number_id: str | None,
        expires_at: float,
    ) -> Media:
        media = Media(
            id=str(10**15 + secrets.randbelow(9 * 10**15)),
            phone_number_id=phone_number_id,
            mime_type=mime_type,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            filename=filename,
            expires_at=expires_at,
        )
        (self._folder / media.id).write_bytes(content)
        self._database.execute(
            "INSERT INTO media (id, phone_number_id, mime_type, sha256, size, filename,"
            " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            media.id,
            media.phone_number_id,
            media.mime_type,
            media.sha256,
            media.size,
            media.filename,
            media.expires_at,
        )
        return media

    def get(self, media_id: str, *, now: float) -> Media | None:
        row = self._database.row(
            "SELECT * FROM media WHERE id = ? AND expires_at > ?", media_id, now
        )
        return None if row is None else Media(**{key: row[key] for key in row.keys()})  # noqa: SIM118 - Row iterates values

    def path(self, media: Media) -> Path:
        return self._folder / media.id

    def delete(self, media: Media) -> None:
        self._database.execute("DELETE FROM media WHERE id = ?", media.id)
        self.path(media).unlink(missing_ok=True)

    def link_query(self, media_id: str, *, expires_at: int) -> str:
        """Query of a download link that is good until `expires_at` (Unix seconds)."""
        return f"mid={media_id}&ext={expires_at}&hash={self._mac(media_id, expires_at)}"

    def link_is_good(self, media_id: str, *, expires_at: int, mac: str, now: float) -> bool:
        good = hmac.compare_digest(self._mac(media_id, expires_at).encode(), mac.encode())
        return good and now < expires_at

    def _mac(self, media_id: str, expires_at: int) -> str:
        return hmac.new(self._key, f"{media_id}.{expires_at}".encode(), hashlib.sha256).hexdigest()
