"""Words that stop proactive messages, and words that only contain them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.conversation import InboundMessage
from domain.consent import consent_change, newest_consent_change

STOPS = [
    "STOP", "stop", "Stop.", "  stop  ", "STOP!!!", "stop 🛑", "UNSUBSCRIBE", "Unsubscribe",
    "stop all", "please stop", "opt out", "Opt-out", "Stop promotions", "Don’t message me",
    "BAJA", "Baja, por favor", "darme de baja", "PARAR", "no más mensajes", "Detener promociones",
    "STOPP", "Stopp!", "Abmelden", "abbestellen", "Keine Nachrichten mehr", "keine Werbung mehr",
    "ARRÊT", "arret", "ARRÊTER", "Désabonner", "désabonnez-moi", "plus de messages",
    "SAIR", "sair", "Descadastrar", "parar promoções", "não quero mais mensagens",
    "AVSLUTA", "Avregistrera", "sluta", "inga fler meddelanden",
    "afmelden", "ОТПИСАТЬСЯ", "стоп", "退订", "配信停止", "إلغاء الاشتراك", "रोकें", "ＳＴＯＰ",
]  # fmt: skip
RESUMES = [
    "START", "start", "Start!", "unstop", "opt in", "Opt-in", "SUBSCRIBE", "Resume promotions",
    "ALTA", "darme de alta", "reanudar", "anmelden", "wieder anmelden", "STARTEN", "s'abonner",
    "reprendre", "inscrever", "retomar", "STARTA", "prenumerera",
]  # fmt: skip
NEITHER = [
    "", "🛑", "...", "stop sending me the wrong invoice", "Stop! That is not my order",
    "please stop the delivery", "where is the bus stop?", "don't stop", "non-stop flights?",
    "cancel", "cancelar", "end", "no", "quit", "I want to unsubscribe from the gym",
    "how do I unsubscribe?", "la baja laboral", "¿está de baja?", "planta baja", "para", "alto",
    "Stopp, ich habe noch eine Frage", "wann kann ich mich abmelden?", "je dois m'arrêter là",
    "vou sair agora", "posso sair?", "när slutar ni?", "start at nine?", "when do you start",
    "estado de alta", "stopstop", "st op", "0", "stop\u200bping", "nonstop", "STOP ou encore ?",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_a_stop_word_stops(text: str) -> None:
    assert consent_change(text) == "stopped"


@pytest.mark.parametrize("text", RESUMES)
def test_a_word_of_return_resumes(text: str) -> None:
    assert consent_change(text) == "resumed"


@pytest.mark.parametrize("text", NEITHER)
def test_a_message_that_only_has_such_a_word_is_for_the_assistant(text: str) -> None:
    assert consent_change(text) is None


_NOISE = st.text(st.sampled_from(" .,!?¡¿…🛑🙏❤️\n\t\"'-–*_()"), max_size=8)


@given(st.sampled_from(STOPS + RESUMES), _NOISE, _NOISE, st.sampled_from([str.upper, str.casefold]))
def test_case_punctuation_and_emoji_change_nothing(
    text: str, before: str, after: str, cased: Any
) -> None:
    # "ß".upper() and the like are other letters; none of the words has one.
    assert consent_change(before + cased(text) + after) == consent_change(text)


@given(
    st.sampled_from(STOPS + RESUMES),
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=4, max_size=20),
    st.booleans(),
)
def test_one_word_more_is_another_message(text: str, word: str, in_front: bool) -> None:
    more = f"{word} {text}" if in_front else f"{text} {word}"
    if word.casefold() not in {"please", "stop", "mehr", "messages", "promotions"}:
        assert consent_change(f"x{more}x") is None


@given(st.text(max_size=200))
def test_whatever_is_written_is_judged(text: str) -> None:
    assert consent_change(text) in (None, "stopped", "resumed")


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def wrote(words: str, minute: int = 0, **told: Any) -> InboundMessage:
    return InboundMessage.model_validate(
        {
            "whatsapp_message_id": f"wamid.{minute}",
            "type": "text",
            "reply": "answer",
            "text": words,
            "sent_at": NOON + timedelta(minutes=minute),
        }
        | told
    )


def test_the_newest_word_counts() -> None:
    stop, start, thanks = wrote("STOP", 0), wrote("START", 1), wrote("Thanks", 2)
    assert newest_consent_change([stop, start, thanks]) == ("resumed", start, True)
    assert newest_consent_change([start, stop]) == ("stopped", stop, False)
    assert newest_consent_change([thanks]) is None
    assert newest_consent_change([]) is None


@pytest.mark.parametrize(
    ("told", "change"),
    [
        ({"type": "button", "text": "Stop promotions"}, "stopped"),
        ({"type": "button", "text": "Unsubscribe"}, "stopped"),
        ({"type": "button", "text": "Keine Werbung mehr"}, "stopped"),
        ({"type": "button", "text": "No, thanks", "choice_id": "UNSUBSCRIBE"}, "stopped"),
        ({"type": "interactive", "text": "Unsubscribe", "choice_id": "b1"}, "stopped"),
        # What the ids of our own buttons look like is nobody's word.
        ({"type": "interactive", "text": "The bus", "choice_id": "stop"}, None),
        ({"type": "image", "text": "stop"}, None),
        ({"type": "edit", "text": "stop"}, None),
        ({"type": "text", "text": None}, None),
    ],
)
def test_a_tapped_button_counts_and_a_caption_does_not(
    told: dict[str, Any], change: str | None
) -> None:
    found = newest_consent_change([wrote("", 0, **told)])
    assert (found.change if found else None) == change


@pytest.mark.parametrize(
    ("text", "may"),
    [("Start", True), ("anmelden", True), ("Subscribe", False), ("opt in", False)],
)
def test_what_a_chat_may_begin_with_is_told_apart(text: str, may: bool) -> None:
    found = newest_consent_change([wrote(text)])
    assert found is not None
    assert found.may_begin_a_chat is may
