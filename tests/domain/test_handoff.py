"""When a human is wanted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.handoff import HandoffCounts, HandoffRules, HandoffSettings
from domain.handoff import after_turn, wanted_handoff
from domain.upset import is_upset

UPSET: dict[str, list[str]] = {
    "en": [
        "You are useless", "what a fucking joke", "this is bullshit", "I will call my lawyer",
        "I'm going to file a complaint", "I'll never buy from you again", "worst service ever",
        "WHERE IS MY BIKE NOW!!", "you just lost a customer", "I am fed up with waiting",
        "your bot is stupid", "I'll report you to trading standards", "idiots",
    ],
    "es": [
        "sois unos inútiles", "esto es una mierda", "voy a denunciaros", "estoy harto de esperar",
        "pésimo servicio", "quiero la hoja de reclamaciones", "llamaré a mi abogado",
        "¡¿DÓNDE ESTÁ MI BICI AHORA?!", "nunca más compro aquí", "estafadores",
    ],
    "de": [
        "Ihr seid unfähig", "so eine Scheiße", "ich gehe zu meinem Anwalt", "Mir reicht's!",
        "ich gehe zur Verbraucherzentrale", "nie wieder bei euch", "das ist eine Frechheit",
        "WO BLEIBT MEIN FAHRRAD DENN!", "schlechtester Service", "Betrüger",
    ],
    "fr": [
        "bande d'incapables", "c'est de la merde", "je vais porter plainte",
        "j'en ai marre de vous",
        "c'est inadmissible", "mon avocat vous contactera", "vous êtes des voleurs",
        "OÙ EST MON VÉLO MAINTENANT !", "le pire service", "plus jamais chez vous",
    ],
    "pt": [
        "vocês são incompetentes", "que merda", "vou processar vocês", "vou ao Procon",
        "péssimo atendimento", "nunca mais compro aqui", "estou farta disto", "isto é um absurdo",
        "ONDE ESTÁ A MINHA BICICLETA!", "livro de reclamações já",
    ],
    "sv": [
        "ni är idioter", "vad fan håller ni på med, för fan", "jag kontaktar min advokat",
        "jag anmäler er till Konsumentverket", "sämsta service", "helt oacceptabelt",
        "jag har fått nog", "VAR ÄR MIN CYKEL NU!", "handlar aldrig mer här", "värdelöst",
    ],
}  # fmt: skip

CALM: dict[str, list[str]] = {
    "en": [
        "Where is my bike?", "I want to cancel my order", "this is not what I ordered",
        "can I complain to someone", "OK THANKS", "WHAT ARE YOUR OPENING HOURS", "thanks!!!",
        "my bike was stolen", "I never ordered this", "is there a lawyer discount",
        "The USB-C port is on the left!", "GREAT SERVICE!",
        "Thieves stole my bike", "a scam mail said it was from you",
    ],
    "es": ["¿dónde está mi pedido?", "quiero cancelar", "no funciona", "¡muchas gracias!",
           "me da igual", "la rueda está rota", "HOLA BUENOS DIAS", "nunca he comprado aquí",
           "unos ladrones me robaron la bici"],
    "de": ["Wo ist meine Bestellung?", "Ich möchte kündigen", "das geht nicht", "Vielen Dank!",
           "Ich habe eine Frage zur Anwaltstasche", "das Rad ist kaputt", "GUTEN MORGEN",
           "nie gehört"],
    "fr": ["où est ma commande ?", "je voudrais annuler", "ça ne marche pas", "merci beaucoup !",
           "c'est dommage", "le vélo est cassé", "BONJOUR", "je n'ai jamais commandé"],
    "pt": ["onde está o meu pedido?", "quero cancelar", "não funciona", "muito obrigado!",
           "que pena", "a roda partiu", "BOM DIA", "nunca comprei aqui"],
    "sv": ["var är min beställning?", "jag vill avboka", "det fungerar inte", "tack så mycket!",
           "synd", "cykeln är trasig", "GOD MORGON", "jag har aldrig handlat här"],
}  # fmt: skip


def _table(table: dict[str, list[str]]) -> list[str]:
    return [f"{language}: {text}" for language, texts in table.items() for text in texts]


@pytest.mark.parametrize("said", _table(UPSET))
def test_who_insults_threatens_or_shouts_is_upset(said: str) -> None:
    assert is_upset(said[4:])


@pytest.mark.parametrize("said", _table(CALM))
def test_who_is_only_unhappy_is_not(said: str) -> None:
    assert not is_upset(said[4:])


@given(st.text(max_size=300))
def test_any_message_is_calm_or_upset(text: str) -> None:
    assert is_upset(text) in (True, False)


@pytest.mark.parametrize(
    ("texts", "settings", "reason"),
    [
        (["Hi", "agent please"], {}, "person"),
        (["agent please"], {"enabled": False}, None),
        (["you are useless"], {}, None),
        (["you are useless"], {"on_upset": True}, "upset"),
        (["you are useless"], {"on_upset": True, "enabled": False}, None),
        (["you are useless", "give me an agent"], {"on_upset": True}, "person"),
        (["the boss please"], {"phrases": ["the boss"]}, "person"),
        (["Hi"], {"on_upset": True}, None),
        ([], {"on_upset": True}, None),
    ],
)
def test_what_is_written_asks_for_a_human(
    texts: list[str], settings: dict[str, Any], reason: str | None
) -> None:
    assert wanted_handoff(texts, HandoffSettings.of(settings)) == reason


TURNS = {"ok": (False, True), "unknown": (False, False), "failed": (True, True)}


@pytest.mark.parametrize(
    ("turns", "rules", "reasons"),
    [
        ("failed failed", {}, [None, "failures"]),
        ("failed ok failed", {}, [None, None, None]),
        ("failed failed failed failed", {}, [None, "failures", None, "failures"]),
        ("failed failed", {"after_failures": None}, [None, None]),
        ("failed failed", {"enabled": False}, [None, None]),
        ("unknown unknown unknown", {}, [None, None, None]),
        ("unknown unknown", {"after_unanswered": 2}, [None, "unanswered"]),
        ("unknown ok unknown", {"after_unanswered": 2}, [None, None, None]),
        ("unknown failed unknown", {"after_unanswered": 2}, [None, None, "unanswered"]),
        ("failed unknown failed", {"after_unanswered": 2}, [None, None, None]),
        ("failed", {"after_failures": 1}, ["failures"]),
    ],
)
def test_turns_in_a_row_without_an_answer_ask_for_a_human(
    turns: str, rules: dict[str, Any], reasons: list[str | None]
) -> None:
    counts, found = HandoffCounts(), []
    for turn in turns.split():
        failed, answered = TURNS[turn]
        counts, reason = after_turn(
            counts, failed=failed, answered=answered, rules=HandoffRules(**rules)
        )
        found.append(reason)
    assert found == reasons


@given(
    st.lists(st.sampled_from(sorted(TURNS)), max_size=30),
    st.integers(1, 5) | st.none(),
    st.integers(1, 5) | st.none(),
)
def test_a_human_is_asked_for_exactly_at_the_limit(
    turns: list[str], failures: int | None, unanswered: int | None
) -> None:
    rules = HandoffRules(after_failures=failures, after_unanswered=unanswered)
    counts, since = HandoffCounts(), 0
    for end, turn in enumerate(turns, start=1):
        failed, answered = TURNS[turn]
        counts, reason = after_turn(counts, failed=failed, answered=answered, rules=rules)
        lately = turns[since:end]
        if reason == "failures":
            assert lately[-(failures or 0) :] == ["failed"] * (failures or 0)
        if reason == "unanswered":
            heard = [one for one in lately if one != "failed"]
            assert heard[-(unanswered or 0) :] == ["unknown"] * (unanswered or 0)
        if reason is not None:
            since = end
            assert counts == HandoffCounts()
        assert failures is None or counts.failures < failures
        assert unanswered is None or counts.unanswered < unanswered


def test_settings_that_cannot_be_read_are_their_defaults() -> None:
    stored = {
        "enabled": "yes",
        "message": "",
        "phrases": ["boss", 3],
        "after_failures": 0,
        "return_after_minutes": None,
        "on_upset": True,
        "unheard_of": {"a": 1},
    }
    settings = HandoffSettings.of(stored)
    assert settings == HandoffSettings(return_after_minutes=None, on_upset=True)
    assert HandoffSettings.of({}) == HandoffSettings()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(HandoffSettings.model_fields)), _JSON))
def test_whatever_was_stored_before_is_read(stored: dict[str, Any]) -> None:
    settings = HandoffSettings.of(stored)
    assert HandoffSettings.of(settings.model_dump(mode="json")) == settings


def test_the_workflow_is_told_what_it_needs() -> None:
    settings = HandoffSettings(
        after_failures=3, after_unanswered=1, return_after_minutes=5, notice="Eva is here."
    )
    assert settings.rules() == HandoffRules(
        after_failures=3, after_unanswered=1, return_seconds=300, notice=True
    )
    assert HandoffSettings().rules() == HandoffRules()
    assert HandoffSettings(return_after_minutes=None).rules().return_seconds is None
