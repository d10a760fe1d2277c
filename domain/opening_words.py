"""When a business opens next, in words for the people who write to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.canned import primary_language


class _Words(NamedTuple):
    today: str
    tomorrow: str
    this_week: str
    later: str
    weekdays: Sequence[str]
    months: Sequence[str]


_WORDS: Final[dict[str, _Words]] = {
    "en": _Words(
        "We are open again today at {time}.",
        "We are open again tomorrow at {time}.",
        "We are open again on {weekday} at {time}.",
        "We are open again on {weekday}, {day} {month}, at {time}.",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ("January", "February", "March", "April", "May", "June", "July", "August", "September",
         "October", "November", "December"),
    ),
    "es": _Words(
        "Volvemos a abrir hoy a las {time}.",
        "Volvemos a abrir mañana a las {time}.",
        "Volvemos a abrir el {weekday} a las {time}.",
        "Volvemos a abrir el {weekday}, {day} de {month}, a las {time}.",
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
         "octubre", "noviembre", "diciembre"),
    ),
    "de": _Words(
        "Wir sind heute um {time} Uhr wieder da.",
        "Wir sind morgen um {time} Uhr wieder da.",
        "Wir sind am {weekday} um {time} Uhr wieder da.",
        "Wir sind am {weekday}, {day}. {month}, um {time} Uhr wieder da.",
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
         "Oktober", "November", "Dezember"),
    ),
    "fr": _Words(
        "Nous rouvrons aujourd'hui à {time}.",
        "Nous rouvrons demain à {time}.",
        "Nous rouvrons {weekday} à {time}.",
        "Nous rouvrons le {weekday} {day} {month} à {time}.",
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
         "octobre", "novembre", "décembre"),
    ),
    "pt": _Words(
        "Voltamos a abrir hoje às {time}.",
        "Voltamos a abrir amanhã às {time}.",
        "Voltamos a abrir {weekday} às {time}.",
        "Voltamos a abrir {weekday}, {day} de {month}, às {time}.",
        ("na segunda-feira", "na terça-feira", "na quarta-feira", "na quinta-feira",
         "na sexta-feira", "no sábado", "no domingo"),
        ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
         "outubro", "novembro", "dezembro"),
    ),
    "sv": _Words(
        "Vi öppnar igen i dag kl. {time}.",
        "Vi öppnar igen i morgon kl. {time}.",
        "Vi öppnar igen på {weekday} kl. {time}.",
        "Vi öppnar igen på {weekday} den {day} {month} kl. {time}.",
        ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"),
        ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september",
         "oktober", "november", "december"),
    ),
}  # fmt: skip


def opening_sentence(opening: datetime, *, now: datetime, language: str | None) -> str:
    """`We are open again on Monday at 09:00.`, in the assistant's language.

    Args:
        opening: in the business's time zone, and not before now.
        language: English if there are no words of it here.
    """
    words = _WORDS.get(primary_language(language), _WORDS["en"])
    days = (opening.date() - now.astimezone(opening.tzinfo).date()) // timedelta(days=1)
    sentence = (
        words.today
        if days <= 0
        else words.tomorrow
        if days == 1
        else words.this_week
        if days < 7
        else words.later
    )
    return sentence.format(
        time=f"{opening:%H:%M}",
        weekday=words.weekdays[opening.weekday()],
        day=opening.day,
        month=words.months[opening.month - 1],
    )
