"""What people share besides words and files: places, contacts, orders."""

from domain.webhook.fields import Json, as_list, as_object, integer, number, prose, string
from domain.webhook.meaning import Meaning

_CONTACTS_IN_WORDS = 20
_ITEMS_IN_WORDS = 30
_WORDS = 200
"""Characters in words of one name, address or note."""


def location(message: Json) -> Meaning | None:
    place = as_object(message.get("location"))
    latitude, longitude = number(place.get("latitude")), number(place.get("longitude"))
    named, address = prose(place, "name"), prose(place, "address")
    parts = [_short(named), _short(address)]
    if latitude is not None and longitude is not None:
        parts.append(f"{latitude:.6f}, {longitude:.6f}")
    if not any(parts):
        return None
    details = {
        "latitude": latitude,
        "longitude": longitude,
        "name": named,
        "address": address,
        "url": string(place, "url"),
    }
    words = "; ".join(filter(None, parts))
    return Meaning(
        "location", f"[location: {words}]", "answer", details={"location": _told(details)}
    )


def contacts(message: Json) -> Meaning | None:
    """Contacts by name and number. One that the person was asked for has their own number."""
    shared = [as_object(contact) for contact in as_list(message.get("contacts"))]
    if not shared:
        return None
    words = "; ".join(map(_contact_in_words, shared[:_CONTACTS_IN_WORDS]))
    if len(shared) > _CONTACTS_IN_WORDS:
        words += f"; {len(shared) - _CONTACTS_IN_WORDS} more"
    own = any(contact.get("origin") == "contact_request" for contact in shared)
    kind = "their own contact" if own else "contacts"
    return Meaning(
        "contacts",
        f"[{kind}: {words}]",
        "answer",
        details={"contacts": [_contact(contact) for contact in shared]},
    )


def order(message: Json) -> Meaning | None:
    placed = as_object(message.get("order"))
    items = [_item(as_object(item)) for item in as_list(placed.get("product_items"))]
    note = prose(placed, "text")
    if not items and not note:
        return None
    words = [_item_in_words(item) for item in items[:_ITEMS_IN_WORDS]]
    if len(items) > _ITEMS_IN_WORDS:
        words.append(f"{len(items) - _ITEMS_IN_WORDS} more")
    if total := _total(items):
        words.append(f"total {total}")
    if note:
        words.append(f"note: {note[:1_000]}")
    details = {"catalog_id": string(placed, "catalog_id"), "note": note, "items": items}
    return Meaning(
        "order", f"[order: {'; '.join(words)}]", "answer", details={"order": _told(details)}
    )


def _contact_in_words(contact: Json) -> str:
    name = _short(prose(as_object(contact.get("name")), "formatted_name")) or "unnamed"
    phones = map(as_object, as_list(contact.get("phones"))[:3])
    numbers = [string(phone, "phone") or string(phone, "wa_id") for phone in phones]
    return ", ".join([name, *(each[:40] for each in numbers if each)])


def _contact(contact: Json) -> Json:
    phones = [as_object(phone) for phone in as_list(contact.get("phones"))[:10]]
    emails = [as_object(email) for email in as_list(contact.get("emails"))[:10]]
    return _told(
        {
            "name": prose(as_object(contact.get("name")), "formatted_name"),
            "company": prose(as_object(contact.get("org")), "company"),
            "phones": [
                _told({name: string(phone, name) for name in ("phone", "wa_id", "type")})
                for phone in phones
            ],
            "emails": [found for email in emails if (found := string(email, "email"))],
            "own": contact.get("origin") == "contact_request" or None,
        }
    )


def _item(item: Json) -> Json:
    quantity = integer(item.get("quantity"))
    return _told(
        {
            "product_retailer_id": string(item, "product_retailer_id"),
            "quantity": quantity if quantity is not None else 1,
            "item_price": number(item.get("item_price")),
            "currency": string(item, "currency"),
        }
    )


def _item_in_words(item: Json) -> str:
    words = f"{item['quantity']} x {_short(item.get('product_retailer_id')) or 'unnamed product'}"
    if "item_price" not in item:
        return words
    return f"{words} at {item['item_price']:g} {_short(item.get('currency')) or ''}".rstrip()


def _total(items: list[Json]) -> str | None:
    """What the order comes to, if every price is known and in one currency."""
    currencies = {item.get("currency") for item in items}
    if len(currencies) != 1 or not all("item_price" in item for item in items):
        return None
    total = sum(item["quantity"] * item["item_price"] for item in items)
    return f"{total:.2f} {_short(currencies.pop()) or ''}".rstrip()


def _short(words: str | None) -> str | None:
    return words[:_WORDS] if words else None


def _told(values: Json) -> Json:
    """Without what was not told."""
    return {name: value for name, value in values.items() if value not in (None, [])}
