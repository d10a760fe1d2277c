"""Sorts the updates of a delivery by person, so that each one's can be handled in their order."""

from collections.abc import Iterable

from domain.webhook.updates import PersonalUpdate, identifiers_of


def lanes(updates: Iterable[PersonalUpdate]) -> list[list[PersonalUpdate]]:
    """The updates of each person on each number, in the order of the delivery.

    A person may be named by number in one update, by user id in the next and by both in a third,
    and by other ones after a change: whatever shares an identifier is of one person.
    """
    lane_of: dict[tuple[str, str], int] = {}
    sorted_out: dict[int, list[tuple[int, PersonalUpdate]]] = {}
    for position, update in enumerate(updates):
        names = [(update.phone_number_id, name) for name in identifiers_of(update)]
        met = sorted({lane_of[name] for name in names if name in lane_of})
        lane = met[0] if met else position
        joined = [entry for each in met for entry in sorted_out.pop(each)]
        sorted_out[lane] = [*joined, (position, update)]
        if len(met) > 1:
            lane_of = {name: lane if at in met else at for name, at in lane_of.items()}
        lane_of |= dict.fromkeys(names, lane)
    in_order = (sorted(lane, key=lambda entry: entry[0]) for lane in sorted_out.values())
    return [[update for _, update in lane] for lane in in_order]
