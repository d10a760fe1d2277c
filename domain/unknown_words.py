"""What the assistant says, without a model, when it has no answer that it can stand for."""

from typing import Final

from domain.canned import primary_language

_UNKNOWN: Final = {
    "en": "I'm sorry, I could not find a reliable answer to that.",
    "es": "Lo siento, no he encontrado una respuesta fiable a eso.",
    "de": "Dazu habe ich leider keine verlässliche Antwort gefunden.",
    "fr": "Désolé, je n'ai pas trouvé de réponse fiable à cette question.",
    "pt": "Lamento, não encontrei uma resposta fiável para isso.",
    "sv": "Tyvärr hittade jag inget säkert svar på det.",
}
# The words that are offered ask for a human as `asking_for_human` reads them.
_HUMAN: Final = {
    "en": "Would you like to talk to a person? Write “human”, and a colleague will answer here.",
    "es": "¿Quieres hablar con una persona? Escribe «humano» y alguien del equipo te responderá.",
    "de": "Möchtest du mit einem Menschen sprechen? Schreib „Mensch“, dann antwortet dir jemand.",
    "fr": "Voulez-vous parler à une personne ? Écrivez « humain » et un collègue vous répondra.",
    "pt": "Quer falar com uma pessoa? Escreva “humano” e um colega responde-lhe aqui.",
    "sv": "Vill du prata med en människa? Skriv ”människa” så svarar en kollega här.",
}


def unknown_text(*, language: str | None, offers_human: bool) -> str:
    """That there is no answer, in the assistant's language, and how to reach a human.

    Args:
        offers_human: one can be called from here.
    """
    code = primary_language(language)
    said = _UNKNOWN.get(code, _UNKNOWN["en"])
    return f"{said} {_HUMAN.get(code, _HUMAN['en'])}" if offers_human else said
