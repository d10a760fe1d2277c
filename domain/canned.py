"""What the assistant says without a model, where its organisation has not written it itself."""

from typing import Final

from contracts.conversation import CannedKind

_TEXTS: Final[dict[str, dict[CannedKind, str]]] = {
    "en": {
        "fallback": "Sorry, I could not answer that just now. Please try again in a moment.",
        "acknowledgement": (
            "Thank you! I could not make sense of what you sent. Please write it in words and I "
            "will answer."
        ),
        "welcome": "Hello! How can I help you?",
        "slow_down": (
            "You are writing faster than I can answer. Please wait a minute and write again."
        ),
        "quota": "I cannot answer any more messages for now. Please try again later.",
        "handoff": (
            "I am passing you on to a colleague, who will answer you here as soon as possible."
        ),
        "taken_over": "A colleague is here now and will go on with you.",
        "stopped": ("Understood: you will get no more messages from us unless you write to us."),
        "resumed": ("Welcome back! You will hear from us again."),
    },
    "es": {
        "fallback": "Lo siento, ahora mismo no he podido responder. Inténtalo de nuevo enseguida.",
        "acknowledgement": (
            "¡Gracias! No he podido entender lo que has enviado. Escríbemelo con palabras y te "
            "responderé."
        ),
        "welcome": "¡Hola! ¿En qué puedo ayudarte?",
        "slow_down": (
            "Escribes más rápido de lo que puedo responder. Espera un minuto y vuelve a escribirme."
        ),
        "quota": "Por ahora no puedo responder más mensajes. Inténtalo de nuevo más tarde.",
        "handoff": (
            "Te paso con una persona de nuestro equipo, que te responderá aquí lo antes posible."
        ),
        "taken_over": "Ahora te atiende una persona de nuestro equipo.",
        "stopped": ("Entendido: no te enviaremos más mensajes, salvo para responderte."),
        "resumed": ("¡Qué bien tenerte de vuelta! Volverás a recibir nuestros mensajes."),
    },
    "de": {
        "fallback": "Das konnte ich gerade leider nicht beantworten. Bitte versuche es gleich noch "
        "einmal.",
        "acknowledgement": (
            "Danke! Damit konnte ich leider nichts anfangen. Schreib es mir in Worten und ich "
            "antworte dir."
        ),
        "welcome": "Hallo! Wie kann ich helfen?",
        "slow_down": (
            "Du schreibst schneller, als ich antworten kann. Bitte warte eine Minute und "
            "schreib dann noch einmal."
        ),
        "quota": (
            "Im Moment kann ich keine weiteren Nachrichten beantworten. Bitte versuche es "
            "später noch einmal."
        ),
        "handoff": (
            "Ich gebe dich an einen Menschen aus unserem Team weiter, der dir hier so "
            "bald wie möglich antwortet."
        ),
        "taken_over": "Jetzt ist ein Mensch aus unserem Team für dich da.",
        "stopped": (
            "Verstanden: Du bekommst keine Nachrichten mehr von uns, außer wir antworten dir."
        ),
        "resumed": ("Schön, dass du wieder da bist! Du hörst wieder von uns."),
    },
    "fr": {
        "fallback": "Désolé, je n'ai pas pu répondre à l'instant. Merci de réessayer dans un "
        "moment.",
        "acknowledgement": (
            "Merci ! Je n'ai pas pu comprendre cet envoi. Écrivez-le-moi avec des mots et je vous "
            "répondrai."
        ),
        "welcome": "Bonjour ! Comment puis-je vous aider ?",
        "slow_down": (
            "Vous écrivez plus vite que je ne peux répondre. Merci d'attendre une minute "
            "avant de réécrire."
        ),
        "quota": (
            "Je ne peux plus répondre aux messages pour le moment. Merci de réessayer plus tard."
        ),
        "handoff": (
            "Je vous transmets à une personne de notre équipe, qui vous répondra ici "
            "dès que possible."
        ),
        "taken_over": "Une personne de notre équipe prend maintenant le relais.",
        "stopped": (
            "C'est noté : nous ne vous enverrons plus de messages, sauf pour vous répondre."
        ),
        "resumed": ("Ravi de vous retrouver ! Vous recevrez de nouveau nos messages."),
    },
    "pt": {
        "fallback": "Desculpe, não consegui responder agora. Tente novamente em instantes.",
        "acknowledgement": (
            "Obrigado! Não consegui perceber o que enviou. Escreva por palavras e eu respondo."
        ),
        "welcome": "Olá! Como posso ajudar?",
        "slow_down": (
            "Está a escrever mais depressa do que consigo responder. Aguarde um minuto e "
            "escreva de novo."
        ),
        "quota": "Por agora não consigo responder a mais mensagens. Tente novamente mais tarde.",
        "handoff": ("Vou passar a conversa a um colega, que lhe responde aqui assim que possível."),
        "taken_over": "Um colega está agora aqui e continua consigo.",
        "stopped": ("Entendido: não enviaremos mais mensagens, a não ser para lhe responder."),
        "resumed": ("Que bom ter você de volta! Voltará a receber as nossas mensagens."),
    },
    "sv": {
        "fallback": "Tyvärr kunde jag inte svara just nu. Försök gärna igen om en stund.",
        "acknowledgement": (
            "Tack! Jag kunde tyvärr inte tolka det du skickade. Skriv det med ord så svarar jag."
        ),
        "welcome": "Hej! Hur kan jag hjälpa dig?",
        "slow_down": "Du skriver snabbare än jag hinner svara. Vänta en minut och skriv igen.",
        "quota": "Jag kan inte svara på fler meddelanden just nu. Försök igen senare.",
        "handoff": ("Jag lämnar över till en kollega, som svarar dig här så snart som möjligt."),
        "taken_over": "Nu är en kollega här och tar över.",
        "stopped": (
            "Uppfattat: du får inga fler meddelanden från oss, om du inte skriver till oss."
        ),
        "resumed": ("Välkommen tillbaka! Du hör av oss igen."),
    },
}


def canned_text(kind: CannedKind, *, language: str | None) -> str:
    """The text in the assistant's language (`pt-BR` counts as `pt`), in English if it has none."""
    return _TEXTS.get(primary_language(language), _TEXTS["en"])[kind]


def primary_language(language: str | None) -> str:
    """`pt` of `pt-BR`; English of nothing."""
    return (language or "en").replace("_", "-").split("-")[0].lower()
