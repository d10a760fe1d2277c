"""What the offline model says in its own words, in six languages."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Every sentence the model has of its own, in one language."""

    greeting: str
    thanks: str
    goodbye: str
    identity: str
    human: str
    unknown: str
    late: str
    somebody: str


PHRASES = {
    "en": Phrases(
        greeting="Hello! How can I help you?",
        thanks="You're welcome!",
        goodbye="Goodbye, and have a good day!",
        identity="I'm {assistant}, a digital assistant. I answer from our documents, and a "
        "colleague can take over whenever you like.",
        human="Of course. I'll pass you on to a colleague.",
        unknown="I'm sorry, I can't find that in our information. Shall I pass you on to a "
        "colleague?",
        late="Sorry for the late reply.",
        somebody="the assistant here",
    ),
    "es": Phrases(
        greeting="¡Hola! ¿En qué puedo ayudarte?",
        thanks="¡De nada!",
        goodbye="¡Hasta luego, que tengas un buen día!",
        identity="Soy {assistant}, un asistente digital. Respondo a partir de nuestros documentos "
        "y un compañero puede atenderte cuando quieras.",
        human="Claro. Te paso con un compañero.",
        unknown="Lo siento, no encuentro eso en nuestra información. ¿Te paso con un compañero?",
        late="Perdona la demora.",
        somebody="el asistente",
    ),
    "sv": Phrases(
        greeting="Hej! Vad kan jag hjälpa dig med?",
        thanks="Varsågod!",
        goodbye="Hej då, ha en fin dag!",
        identity="Jag är {assistant}, en digital assistent. Jag svarar utifrån våra dokument, och "
        "en kollega kan ta över när du vill.",
        human="Självklart. Jag kopplar dig till en kollega.",
        unknown="Tyvärr hittar jag inte det i vår information. Ska jag koppla dig till en kollega?",
        late="Ursäkta det sena svaret.",
        somebody="assistenten här",
    ),
    "de": Phrases(
        greeting="Hallo! Wie kann ich helfen?",
        thanks="Gern geschehen!",
        goodbye="Auf Wiedersehen und einen schönen Tag!",
        identity="Ich bin {assistant}, ein digitaler Assistent. Ich antworte aus unseren "
        "Unterlagen, und jederzeit kann ein Mensch aus dem Team übernehmen.",
        human="Natürlich. Ich gebe an jemanden aus dem Team weiter.",
        unknown="Das finde ich in unseren Unterlagen leider nicht. Soll ich an jemanden aus dem "
        "Team weitergeben?",
        late="Entschuldigung für die späte Antwort.",
        somebody="der Assistent hier",
    ),
    "fr": Phrases(
        greeting="Bonjour ! Comment puis-je vous aider ?",
        thanks="Avec plaisir !",
        goodbye="Au revoir et bonne journée !",
        identity="Je suis {assistant}, un assistant numérique. Je réponds à partir de nos "
        "documents, et un collègue peut prendre le relais quand vous voulez.",
        human="Bien sûr. Je vous passe un collègue.",
        unknown="Désolé, je ne trouve pas cela dans nos informations. Voulez-vous que je vous "
        "passe un collègue ?",
        late="Désolé pour cette réponse tardive.",
        somebody="l'assistant",
    ),
    "pt": Phrases(
        greeting="Olá! Como posso ajudar?",
        thanks="De nada!",
        goodbye="Até logo e tenha um bom dia!",
        identity="Sou {assistant}, um assistente digital. Respondo a partir dos nossos documentos, "
        "e um colega pode assumir quando quiser.",
        human="Claro. Vou passar você para um colega.",
        unknown="Desculpe, não encontro isso nas nossas informações. Quer que eu passe para um "
        "colega?",
        late="Desculpe a demora na resposta.",
        somebody="o assistente",
    ),
}
