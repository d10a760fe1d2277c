"""Who an update is about, from the places where Meta may tell it."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from domain.webhook.fields import Json, as_list, as_object, moment, phone_digits, string
from domain.webhook.updates import Identity, IdentityChanged

BSUID = re.compile(r"^[A-Z]{2}\.")
"""A business-scoped user id starts with a country code and a dot. One was seen in `from`."""


class Contacts:
    """The people whom a change describes. Never the first one blindly: there may be several."""

    def __init__(self, contacts: Iterable[object]) -> None:
        self._all = [as_object(contact) for contact in contacts]
        self._by_identifier: dict[tuple[str, str], Json] = {}
        for contact in self._all:
            for name in ("user_id", "wa_id"):
                if value := string(contact, name):
                    self._by_identifier.setdefault((name, value), contact)

    def identity(
        self, *, wa_id: str | None, user_id: str | None, parent_user_id: str | None = None
    ) -> Identity:
        """The person with these identifiers, with what else is told of them."""
        if wa_id is not None and BSUID.match(wa_id):
            wa_id, user_id = None, user_id or wa_id
        contact = self._of(wa_id, user_id)
        contact_wa_id = string(contact, "wa_id")
        if contact_wa_id is not None and BSUID.match(contact_wa_id):
            contact_wa_id = None
        profile = as_object(contact.get("profile"))
        return Identity(
            wa_id=phone_digits(wa_id or contact_wa_id),
            user_id=user_id or string(contact, "user_id"),
            parent_user_id=parent_user_id or string(contact, "parent_user_id"),
            username=string(profile, "username"),
            profile_name=string(profile, "name"),
        )

    def _of(self, wa_id: str | None, user_id: str | None) -> Json:
        if user_id is None and wa_id is None:
            return self._all[0] if len(self._all) == 1 else {}
        return (
            self._by_identifier.get(("user_id", user_id or ""))
            or self._by_identifier.get(("wa_id", wa_id or ""))
            or {}
        )


def sender_of(message: Json, contacts: Contacts) -> Identity:
    """Who wrote the message."""
    sender = contacts.identity(
        wa_id=string(message, "from"),
        user_id=string(message, "from_user_id"),
        parent_user_id=string(message, "from_parent_user_id"),
    )
    if sender.wa_id is None and (number := _number_given(message)):
        return sender.model_copy(update={"wa_id": number})
    return sender


def recipient_of(echo: Json, contacts: Contacts, *, business: str | None) -> Identity:
    """To whom the business wrote. Edits and deletions name the business in `to` at times."""
    to_user_id = string(echo, "to_user_id")
    to = phone_digits(string(echo, "to"))
    if to is not None and to == business:
        to = phone_digits(string(echo, "from"))
    return contacts.identity(
        wa_id=to, user_id=to_user_id, parent_user_id=string(echo, "to_parent_user_id")
    )


def told_change(
    message: Json, sender: Identity, *, phone_number_id: str, received_at: datetime
) -> IdentityChanged | None:
    """What a system message says about its sender's identifiers; `None` if they stay."""
    system = as_object(message.get("system"))
    current = Identity(
        wa_id=phone_digits(string(system, "wa_id")),
        user_id=string(system, "user_id"),
        parent_user_id=string(system, "parent_user_id"),
    )
    return _change(sender, current, phone_number_id, message.get("timestamp"), received_at)


def updated_user_ids(
    value: Json, contacts: Contacts, *, phone_number_id: str, received_at: datetime
) -> Iterator[IdentityChanged | None]:
    """Each entry of the field `user_id_update`; `None` for one that changes nobody."""
    for entry in map(as_object, as_list(value.get("user_id_update"))):
        ids, parents = as_object(entry.get("user_id")), as_object(entry.get("parent_user_id"))
        wa_id = phone_digits(string(entry, "wa_id"))
        previous = Identity(
            wa_id=wa_id,
            user_id=string(ids, "previous"),
            parent_user_id=string(parents, "previous"),
        )
        current = contacts.identity(
            wa_id=wa_id,
            user_id=string(ids, "current"),
            parent_user_id=string(parents, "current"),
        )
        yield _change(previous, current, phone_number_id, entry.get("timestamp"), received_at)


def _change(
    previous: Identity,
    current: Identity,
    phone_number_id: str,
    timestamp: object,
    received_at: datetime,
) -> IdentityChanged | None:
    """The message that tells of a change may be from the new user id already."""
    if previous.user_id == current.user_id and previous.wa_id:
        previous = previous.model_copy(update={"user_id": None})
    if not set(current.identifiers) - set(previous.identifiers) or not previous.identifiers:
        return None
    return IdentityChanged(
        phone_number_id=phone_number_id,
        previous=previous,
        current=current,
        at=moment(timestamp, default=received_at),
    )


def _number_given(message: Json) -> str | None:
    """The number that a person without one sent when asked for it. Only `contact_request` is
    evidence of that; other contacts are of anybody."""
    for contact in map(as_object, as_list(message.get("contacts"))):
        if string(contact, "origin") == "contact_request":
            phones = map(as_object, as_list(contact.get("phones")))
            return phone_digits(
                next(filter(None, (string(each, "wa_id") for each in phones)), None)
            )
    return None
