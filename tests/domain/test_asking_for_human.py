"""Who asks for a human, in their own words, and who only speaks of one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.asking_for_human import asks_for_human

ASKING: dict[str, list[str]] = {
    "en": [
        "agent", "Agent!!", "human", "HUMAN PLEASE", "a real person please", "representative",
        "live agent", "customer service", "operator", "Hi, human please 🙏",
        "Can I speak to a human?", "I want to talk to a real person", "let me speak to an agent",
        "please connect me to an agent", "transfer me to a human", "I need a human",
        "talk to a person", "I'd like to speak with someone from your team",
        "could you put me through to customer service", "Is there anyone I can talk to?",
        "I don’t want a bot, I want a human", "Why can't I speak to a person?",
        "get me a representative now", "I would prefer speaking to a human",
        "How do I talk to a human being", "this is useless. give me an agent",
        "I don't understand this. Please connect me with a human.",
        "can a human please call me", "is there a real human available",
        "I would like to be connected to an agent",
        "I need to speak to the manager", "pass me on to a colleague",
    ],
    "es": [
        "humano", "Agente", "un asesor por favor", "operador", "atención al cliente",
        "Quiero hablar con una persona", "quiero hablar con un humano!",
        "¿Puedo hablar con alguien?", "Necesito hablar con un agente", "pásame con una persona",
        "páseme con un asesor, por favor", "comuníqueme con un representante",
        "me puedes pasar con alguien del equipo", "¿hay alguien ahí?",
        "prefiero que me atienda una persona", "quiero un agente ya", "necesito un humano",
        "¿Por qué no puedo hablar con una persona?", "No quiero un robot, quiero un agente",
        "No te entiendo. Quiero hablar con una persona real", "transfiérame con un operador",
        "me gustaría hablar con el encargado", "hablar con persona", "una persona real por favor",
        "quisiera hablar con atención al cliente", "póngame con un responsable", "dame un agente",
        "con una persona por favor",
        "¿me puede atender una persona?", "HABLAR CON UN AGENTE",
    ],
    "de": [
        "Mensch", "Mitarbeiter bitte", "einen Menschen bitte", "Kundenservice", "Berater",
        "Ich möchte mit einem Menschen sprechen", "Kann ich mit einem Mitarbeiter sprechen?",
        "ich will mit jemandem reden", "Bitte verbinden Sie mich mit einem Mitarbeiter",
        "Verbinde mich mit einem echten Menschen", "mit einer echten Person sprechen",
        "Ich brauche einen Mitarbeiter", "Können Sie mich an einen Berater weiterleiten?",
        "leiten Sie mich an einen Kollegen weiter", "Ist da jemand?",
        "Warum kann ich nicht mit einem Menschen sprechen?",
        "Ich will keinen Bot, ich will einen Menschen",
        "gibt es hier einen Mitarbeiter, mit dem ich reden kann, oder kann ich mit jemandem reden",
        "Kann mich jemand anrufen?", "ich möchte bitte einen Menschen sprechen",
        "Ich möchte mit dem Kundendienst telefonieren", "Ansprechpartner",
        "Das hilft nicht. Ich möchte mit einer Person chatten", "geben Sie mir einen Mitarbeiter",
        "Kann ein Mitarbeiter helfen?", "mit einem Kollegen schreiben bitte",
        "ICH WILL MIT EINEM MENSCHEN REDEN", "eine echte Person",
    ],
    "fr": [
        "humain", "un conseiller s'il vous plaît", "Agent", "service client", "un humain svp",
        "Je veux parler à un humain", "je voudrais parler à quelqu’un",
        "Puis-je parler à un conseiller ?", "est-ce que je peux parler avec une personne",
        "passez-moi un conseiller", "mettez-moi en relation avec un agent",
        "Pouvez-vous me transférer à un conseiller",
        "j'aimerais être mis en relation avec un humain",
        "Y a-t-il quelqu'un ?", "il y a quelqu'un ?", "je veux un humain", "besoin d'un conseiller",
        "Pourquoi je ne peux pas parler à un humain ?", "une vraie personne",
        "Je ne veux pas d'un robot, je veux un conseiller", "parler à une vraie personne",
        "je souhaite échanger avec un responsable", "transférez-moi à un agent",
        "Un humain peut me répondre ?", "je préfère discuter avec une personne",
        "être rappelé par un conseiller",
        "comment joindre un conseiller ?", "PARLER À UN AGENT", "opérateur",
    ],
    "pt": [
        "humano", "Atendente", "um atendente por favor", "agente", "atendimento humano",
        "Quero falar com uma pessoa", "posso falar com um humano?",
        "gostaria de falar com um atendente", "preciso falar com alguém", "falar com atendente",
        "me passa para um atendente", "me transfira para um humano", "me transfere pro atendente",
        "pode me transferir para um atendente?", "Transfere-me para um operador",
        "tem alguém aí?", "quero um atendente", "preciso de um humano",
        "não consigo falar com um atendente", "Não quero robô, quero um humano",
        "Não entendi nada. Quero falar com uma pessoa real", "quero ser atendido por uma pessoa",
        "encaminhe-me para um colaborador", "chama um atendente", "uma pessoa real",
        "prefiro conversar com alguém da equipe", "queria falar com o gerente",
        "quero atendimento humano", "Alguém pode me ligar?", "FALAR COM HUMANO",
    ],
    "sv": [
        "människa", "Agent", "kundtjänst", "en människa tack", "medarbetare", "riktig person",
        "Jag vill prata med en människa", "kan jag få prata med någon?",
        "får jag tala med en person", "koppla mig till en människa",
        "kan du koppla mig till kundtjänst", "jag vill ha kontakt med en människa",
        "Finns det någon jag kan prata med?", "är det någon där?",
        "Varför kan jag inte prata med en människa?", "jag vill chatta med en medarbetare",
        "Jag vill inte ha en robot, jag vill prata med en människa", "prata med människa",
        "jag behöver en handläggare", "koppla mig vidare till en kollega",
        "jag behöver prata med er personal", "kan en riktig människa svara",
        "Kan någon ringa mig?", "vill prata med chefen", "ge mig en människa",
        "Det hjälper inte. Jag vill tala med en riktig person", "PRATA MED EN MÄNNISKA",
        "jag vill hellre prata med någon",
    ],
}  # fmt: skip

NOT_ASKING: dict[str, list[str]] = {
    "en": [
        "Are you human?", "are you a real person?", "Am I talking to a human?",
        "am I speaking with an agent", "Where is human resources?",
        "I want to speak to human resources", "I don't want to talk to a human",
        "please do not transfer me to an agent", "I spoke to an agent yesterday",
        "I was told to speak to a person at the desk", "Is this safe for human consumption?",
        "What cleaning agent do you use?", "I need a travel agent insurance form",
        "How much per person?", "a table for two persons please", "do I talk to a human?",
        "I usually talk to an agent",
        "does your agent app work offline", "We are an agency", "The operator broke my bike",
        "I need a person to sign the form", "how many people work there",
        "Do you sell human hair wigs?", "I never want to speak to an agent again",
        "human rights", "the customer service was great", "someone stole my bike",
        "you are not a human", "no need to connect me to a human", "can I pay in person?",
    ],
    "es": [
        "¿Eres humano?", "¿hablo con una persona?", "¿Estoy hablando con un humano?",
        "¿cuánto es por persona?", "recursos humanos", "no quiero hablar con una persona",
        "No me pase con un agente", "Ayer pude hablar con un agente", "derechos humanos",
        "mesa para dos personas", "soy agente inmobiliario", "el agente fue muy amable",
        "necesito la dirección", "¿es persona física o jurídica?", "hablé con el operador ayer",
        "tuve que hablar con un asesor y no sirvió", "¿Quién es el responsable?",
        "quiero un seguro para mi empleada", "alguien me robó la bici", "persona",
        "¿cuántas personas caben?", "¿tenéis atención los sábados?", "sin hablar con nadie",
        "quiero comprar un regalo", "¿con cuánta gente?", "el cuerpo humano",
    ],
    "de": [
        "Bist du ein Mensch?", "Spreche ich mit einem Menschen?", "Rede ich mit einem Mitarbeiter?",
        "Was kostet es pro Person?", "Ich will nicht mit einem Menschen sprechen",
        "Ich habe gestern mit einem Mitarbeiter gesprochen", "Ihre Mitarbeiter waren sehr nett",
        "Wie viele Mitarbeiter haben Sie?", "Tisch für zwei Personen", "Menschenrechte",
        "Ist das für Menschen geeignet?", "Der Berater war unfreundlich", "Personalabteilung",
        "Ich brauche eine Rechnung", "Bitte nicht mit einem Mitarbeiter verbinden",
        "kein Mensch weiß das", "Wer ist mein Ansprechpartner in der Werkstatt, laut Vertrag?",
        "jemand hat mein Rad gestohlen", "Was macht ein Agent?", "Person",
        "Kann man mit dem Fahrrad fahren?", "Ohne mit jemandem zu sprechen",
        "Ich möchte eine Person anmelden", "Sind Sie ein Roboter?", "mit Karte bezahlen",
        "Mitarbeiterrabatt",
    ],
    "fr": [
        "Êtes-vous humain ?", "Est-ce que je parle à un humain ?", "je parle à une personne ?",
        "combien par personne ?", "ressources humaines", "je ne veux pas parler à un humain",
        "J'ai parlé à un conseiller hier", "le conseiller était très gentil",
        "une table pour deux personnes", "les droits humains", "le corps humain",
        "ne me transférez pas à un agent", "je suis agent immobilier", "personne ne répond",
        "quel est le service ?", "quelqu'un a volé mon vélo", "j'ai besoin d'une facture",
        "sans parler à quelqu'un", "personne", "combien d'employés avez-vous ?",
        "l'agent d'entretien est passé", "je voudrais un vélo", "avez-vous un magasin ?",
        "es-tu un robot ?", "le service client était parfait", "nous sommes trois personnes",
    ],
    "pt": [
        "Você é humano?", "Estou falando com uma pessoa?", "falo com um humano?",
        "quanto custa por pessoa?", "recursos humanos", "não quero falar com uma pessoa",
        "Ontem consegui falar com um atendente", "o atendente foi muito simpático",
        "mesa para duas pessoas", "direitos humanos", "o corpo humano",
        "não me transfira para um atendente", "sou agente imobiliário", "pessoa física",
        "alguém roubou a minha bicicleta", "quero um recibo", "sem falar com ninguém",
        "quantas pessoas cabem?", "pessoa", "falei com o operador ontem",
        "tive que falar com um atendente e não resolveu", "Qual é o horário de atendimento?",
        "você é um robô?", "o gerente estava lá", "preciso de ajuda",
        "tem alguém que entrega aqui?",
    ],
    "sv": [
        "Är du en människa?", "Pratar jag med en människa?", "Talar jag med en person nu?",
        "Vad kostar det per person?", "jag vill inte prata med en människa",
        "Jag pratade med en medarbetare i går", "kundtjänst var mycket trevlig",
        "bord för två personer", "mänskliga rättigheter", "människokroppen",
        "koppla mig inte till en människa", "personalavdelningen", "person",
        "någon har stulit min cykel", "Hur många medarbetare har ni?", "utan att prata med någon",
        "Jag behöver ett kvitto", "är du en robot?", "agenten var sen", "jag jobbar som agent",
        "hur länge har ni öppet?", "min kollega har betalat", "kan man betala med kort?",
        "jag slipper prata med någon", "vad gör en handläggare egentligen på banken",
        "en person till kommer",
    ],
}  # fmt: skip


def _table(table: dict[str, list[str]]) -> list[str]:
    return [f"{language}: {text}" for language, texts in table.items() for text in texts]


@pytest.mark.parametrize("said", _table(ASKING))
def test_who_asks_for_a_human_is_understood(said: str) -> None:
    assert asks_for_human(said[4:])


@pytest.mark.parametrize("said", _table(NOT_ASKING))
def test_who_only_speaks_of_humans_is_not(said: str) -> None:
    assert not asks_for_human(said[4:])


def test_each_language_is_tried_with_enough_of_both() -> None:
    assert min(len(texts) for table in (ASKING, NOT_ASKING) for texts in table.values()) >= 25


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Bitte den Filialleiter!", True),
        ("bitte den FILIALLEITER rufen", True),
        ("Filialleiterin", False),
        ("can I get the front desk?", True),
        ("front of the desk", False),
    ],
)
def test_an_assistant_has_words_of_its_own(text: str, asks: bool) -> None:
    assert asks_for_human(text, phrases=("Filialleiter", "front desk", "…")) is asks


@given(st.text(max_size=300))
def test_whatever_is_written_is_judged(text: str) -> None:
    assert asks_for_human(text) in (True, False)


@pytest.mark.parametrize(
    "text",
    ["the a real " * 2000, "speak to the " * 2000, "can a human " * 2000, "mit einem " * 3000,
     "me " * 9000, "l'" * 9000, "hay alguien " * 2000, "a" * 100_000, "￼" * 50_000],
)  # fmt: skip
def test_nobody_makes_it_slow(text: str) -> None:
    began = time.process_time()
    asks_for_human(text)
    assert time.process_time() - began < 0.5
