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
    passed_on: str
    """Where the model can let a human take over."""
    unknown: str
    offer: str
    """After it, where the model can let a human take over."""
    late: str
    blind: str
    somebody: str


PHRASES = {
    "en": Phrases(
        greeting="Hello! How can I help you?",
        thanks="You're welcome!",
        goodbye="Goodbye, and have a good day!",
        identity="I'm {assistant}, a digital assistant. I answer from our documents.",
        human="I'm a digital assistant and can't pass you on from here. Ask me how to reach our "
        "team, and I'll give you the contact details.",
        passed_on="I'm passing you on to a colleague, who will answer you here.",
        unknown="I'm sorry, I can't find that in our information. Please ask our team directly.",
        offer="Would you like to talk to a person? Write “human”.",
        late="Sorry for the late reply.",
        blind="I can't see pictures here: tell me in words what it is about.",
        somebody="the assistant here",
    ),
    "es": Phrases(
        greeting="¡Hola! ¿En qué puedo ayudarte?",
        thanks="¡De nada!",
        goodbye="¡Hasta luego, que tengas un buen día!",
        identity="Soy {assistant}, un asistente digital. Respondo a partir de nuestros documentos.",
        human="Soy un asistente digital y no puedo pasarte con nadie desde aquí. Pregúntame cómo "
        "contactar con nuestro equipo y te doy los datos.",
        passed_on="Te paso con una persona del equipo, que te responderá aquí.",
        unknown="Lo siento, no encuentro eso en nuestra información. Pregunta directamente a "
        "nuestro equipo.",
        offer="¿Quieres hablar con una persona? Escribe «humano».",
        late="Perdona la demora.",
        blind="Aquí no puedo ver imágenes: cuéntame con palabras de qué se trata.",
        somebody="el asistente",
    ),
    "sv": Phrases(
        greeting="Hej! Vad kan jag hjälpa dig med?",
        thanks="Varsågod!",
        goodbye="Hej då, ha en fin dag!",
        identity="Jag är {assistant}, en digital assistent. Jag svarar utifrån våra dokument.",
        human="Jag är en digital assistent och kan inte koppla dig vidare härifrån. Fråga mig hur "
        "du når vårt team, så får du kontaktuppgifterna.",
        passed_on="Jag lämnar över till en kollega, som svarar dig här.",
        unknown="Tyvärr hittar jag inte det i vår information. Fråga gärna vårt team direkt.",
        offer="Vill du prata med en människa? Skriv ”människa”.",
        late="Ursäkta det sena svaret.",
        blind="Jag kan inte se bilder här: berätta med ord vad det gäller.",
        somebody="assistenten här",
    ),
    "de": Phrases(
        greeting="Hallo! Wie kann ich helfen?",
        thanks="Gern geschehen!",
        goodbye="Auf Wiedersehen und einen schönen Tag!",
        identity="Ich bin {assistant}, ein digitaler Assistent. Ich antworte aus unseren "
        "Unterlagen.",
        human="Ich bin ein digitaler Assistent und kann von hier nicht weiterverbinden. Frag mich, "
        "wie du unser Team erreichst, dann bekommst du die Kontaktdaten.",
        passed_on="Ich gebe dich an einen Menschen aus dem Team weiter, der dir hier antwortet.",
        unknown="Das finde ich in unseren Unterlagen leider nicht. Bitte frag unser Team direkt.",
        offer="Möchtest du mit einem Menschen sprechen? Schreib „Mensch“.",
        late="Entschuldigung für die späte Antwort.",
        blind="Bilder kann ich hier nicht sehen: Sag mir in Worten, worum es geht.",
        somebody="der Assistent hier",
    ),
    "fr": Phrases(
        greeting="Bonjour ! Comment puis-je vous aider ?",
        thanks="Avec plaisir !",
        goodbye="Au revoir et bonne journée !",
        identity="Je suis {assistant}, un assistant numérique. Je réponds à partir de nos "
        "documents.",
        human="Je suis un assistant numérique et je ne peux pas vous passer quelqu'un d'ici. "
        "Demandez-moi comment joindre notre équipe et je vous donne les coordonnées.",
        passed_on="Je vous passe une personne de l'équipe, qui vous répondra ici.",
        unknown="Désolé, je ne trouve pas cela dans nos informations. Adressez-vous directement à "
        "notre équipe.",
        offer="Voulez-vous parler à une personne ? Écrivez « humain ».",
        late="Désolé pour cette réponse tardive.",
        blind="Je ne vois pas les images ici : dites-moi avec des mots de quoi il s'agit.",
        somebody="l'assistant",
    ),
    "pt": Phrases(
        greeting="Olá! Como posso ajudar?",
        thanks="De nada!",
        goodbye="Até logo e tenha um bom dia!",
        identity="Sou {assistant}, um assistente digital. Respondo a partir dos nossos documentos.",
        human="Sou um assistente digital e não consigo transferir daqui. Pergunte como falar com a "
        "nossa equipe e eu passo os contatos.",
        passed_on="Vou passar a conversa a um colega, que responde aqui.",
        unknown="Desculpe, não encontro isso nas nossas informações. Pergunte diretamente à nossa "
        "equipe.",
        offer="Quer falar com uma pessoa? Escreva “humano”.",
        late="Desculpe a demora na resposta.",
        blind="Não consigo ver imagens aqui: diga por palavras do que se trata.",
        somebody="o assistente",
    ),
}
