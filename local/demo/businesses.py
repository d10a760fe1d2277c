"""The two businesses of the demo. They answer the same kinds of question, each in its own way."""

from dataclasses import dataclass
from pathlib import Path

_DOCUMENTS = Path(__file__).parent / "documents"


@dataclass(frozen=True, kw_only=True)
class DemoDocument:
    """A file that is uploaded under `title`."""

    title: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Business:
    """An organisation with an assistant, a number and the documents that the answers come from."""

    name: str
    assistant_name: str
    instructions: str
    welcome_message: str
    fallback_message: str
    language: str
    knowledge_base: str
    text_search_language: str
    phone_number_id: str
    waba_id: str
    display_phone_number: str
    documents: tuple[DemoDocument, ...]
    suggested_questions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """Somebody who writes to the businesses; the numbers are fictitious."""

    name: str
    wa_id: str
    user_id: str


HARBOUR_BIKES = Business(
    name="Harbour Bikes",
    assistant_name="Mira",
    instructions=(
        "You speak for Harbour Bikes, a bicycle shop, workshop and rental in Rotterdam. Be warm "
        "and practical. When somebody wants a repair, tell them whether they need an appointment."
    ),
    welcome_message=(
        "Hello, this is Mira of Harbour Bikes. Ask me about opening hours, repairs, rental, "
        "delivery or warranty."
    ),
    fallback_message=(
        "I'm sorry, I cannot answer right now. Please try again later; during opening "
        "hours you can also call 010 555 0142."
    ),
    language="English",
    knowledge_base="Shop, workshop and rental",
    text_search_language="english",
    phone_number_id="100000000000142",
    waba_id="200000000000142",
    display_phone_number="+31 10 555 0142",
    documents=tuple(
        DemoDocument(title=title, path=_DOCUMENTS / "bicycles" / name)
        for title, name in (
            ("Opening hours and contact", "opening-hours-and-contact.md"),
            ("Workshop services and prices", "workshop-services-and-prices.md"),
            ("Renting a bicycle", "renting-a-bicycle.pdf"),
            ("Delivery and returns", "delivery-and-returns.docx"),
            ("Warranty", "warranty.txt"),
            ("Frequently asked questions", "frequently-asked-questions.md"),
        )
    ),
    suggested_questions=(
        "When are you open on Saturday?",
        "And on Sunday?",
        "How much is a puncture repair?",
        "What does it cost to rent a tandem for a weekend?",
        "How long is the warranty on a new bike?",
        "¿A qué hora abren el sábado?",
        "How much is teeth whitening?",
    ),
)

LINDEN_DENTAL = Business(
    name="Linden Dental",
    assistant_name="Noor",
    instructions=(
        "You speak for Linden Dental, a dental practice in Utrecht. Be calm and reassuring. Never "
        "give a diagnosis; when somebody is in pain, tell them how to be seen the same day."
    ),
    welcome_message=(
        "Hello, this is Noor of Linden Dental. Ask me about opening hours, prices or appointments."
    ),
    fallback_message=(
        "I'm sorry, I cannot answer right now. Please try again later. If you are in "
        "pain, please call 030 555 0199."
    ),
    language="English",
    knowledge_base="Practice information",
    text_search_language="english",
    phone_number_id="100000000000199",
    waba_id="200000000000199",
    display_phone_number="+31 30 555 0199",
    documents=tuple(
        DemoDocument(title=title, path=_DOCUMENTS / "dental" / name)
        for title, name in (
            ("Opening hours and appointments", "opening-hours.md"),
            ("Prices", "prices.md"),
            ("Questions patients ask", "questions.txt"),
        )
    ),
    suggested_questions=(
        "When are you open on Friday?",
        "How much is a check-up at the dentist?",
        "Can I cancel my appointment?",
        "I'm scared of the dentist",
        "How much is a puncture repair?",
    ),
)

BUSINESSES = (HARBOUR_BIKES, LINDEN_DENTAL)

PEOPLE = (
    DemoPerson(name="Ana Torres", wa_id="31655500101", user_id="NL.DemoAnaTorres"),
    DemoPerson(name="Jonas Berg", wa_id="31655500102", user_id="NL.DemoJonasBerg"),
    DemoPerson(name="Priya Nair", wa_id="31655500103", user_id="NL.DemoPriyaNair"),
)

OFFLINE_NOTICE = (
    "The offline model is answering: it quotes the sentences of the documents that fit best and "
    "writes nothing of its own. To use a language model, set OPENAI_API_KEY (and OPENAI_BASE_URL "
    "for another OpenAI-compatible server) and start again."
)
