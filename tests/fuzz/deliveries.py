"""Mutated deliveries by number: the same seed and number are the same bytes, whoever asks."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz import corpus
from tests.fuzz.mutations import Mutator

Json = dict[str, Any]

_RECORDED: Final = Path(__file__).parents[3] / "shared/whatsapp/fixtures"
_PERSONAL: Final = frozenset({"from", "to", "wa_id", "recipient_id"})
_USERS: Final = frozenset({"from_user_id", "to_user_id", "user_id", "recipient_user_id"})


def originals() -> list[Json]:
    """The corpus, and what others have recorded where it is beside the checkout."""
    recorded = sorted(_RECORDED.glob("*/inbound/*.json"))
    return [*corpus.deliveries().values(), *(json.loads(path.read_text()) for path in recorded)]


class MutatedDeliveries:
    """An endless sequence of them."""

    def __init__(
        self, seed: int, *, phone_number_ids: Sequence[str] = (corpus.PHONE_NUMBER_ID,), people: int
    ) -> None:
        """
        Args:
            phone_number_ids: numbers of the business that they go to.
            people: how many people they are of, apart from those whom mutations bring forth.
        """
        self._seed = seed
        self._numbers = phone_number_ids
        self._people = people
        self._originals = originals()

    def __getitem__(self, position: int) -> bytes:
        random = Random(f"{self._seed}/{position}")  # noqa: S311 - no secret hangs on it
        delivery = self._addressed(random, position)
        mutator = Mutator(random, others=self._originals)
        return mutator.mutate(delivery, changes=random.choice([1, 1, 2, 3, 5]))

    def _addressed(self, random: Random, position: int) -> Json:
        """One of the originals, of one of the people, with an id that was not there before."""
        delivery = random.choice(self._originals)
        person = random.randrange(self._people)
        names = {
            **dict.fromkeys(_PERSONAL, f"34600{person:06d}"),
            **dict.fromkeys(_USERS, f"ES.{person:020d}"),
            "phone_number_id": random.choice(self._numbers),
        }
        # A few repeat what was said before: redeliveries, and statuses of something known.
        told = position if random.random() < 0.9 else random.randrange(max(1, position))
        renamed: Json = _renamed(delivery, names, f"wamid.{told}")
        return renamed


def _renamed(value: Any, names: dict[str, str], message_id: str) -> Any:
    match value:
        case dict():
            renamed = {
                name: names[name]
                if name in names and isinstance(inner, str)
                else _renamed(inner, names, message_id)
                for name, inner in value.items()
            }
            if "timestamp" in renamed and isinstance(renamed.get("id"), str):
                renamed["id"] = f"{message_id}.{renamed['id'][-6:]}"
            return renamed
        case list():
            return [_renamed(inner, names, message_id) for inner in value]
        case _:
            return value
