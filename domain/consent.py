"""Whether a person says in so many words that they want no more proactive messages, or some again.

Only a whole message counts: a stop word or a fixed phrase, whatever its case, accents, punctuation
and emoji. "stop sending me the wrong invoice" is a question for the assistant. The words of all
languages always count, whichever the assistant speaks; words that answer questions of a chat too
("cancel", "end", "no") are left out.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from contracts.conversation import ConsentChange, InboundMessage
from domain.wording import words_only

_WRITTEN: Final = frozenset({"text", "button", "interactive"})
"""Types whose text is the person's own word; a caption is about its picture."""

_STOP: Final = """
stop | stop all | stopall | stop it all | please stop | stop please | unsubscribe | unsubscribe me
please unsubscribe | please unsubscribe me | unsubscribe please | opt out | optout | opt me out
stop messages | stop all messages | stop messaging me | stop texting me | stop sending me messages
stop sending messages | no more messages | no more messages please | do not message me
don't message me | stop contacting me | stop promotions | stop marketing | stop ads | no promotions
remove me | remove me from your list | remove me from the list | take me off your list

baja | darme de baja | dar de baja | dame de baja | deme de baja | dadme de baja
quiero darme de baja | quiero la baja | baja por favor | dame de baja por favor | parar
parar mensajes | parar promociones | detener | detener mensajes | detener promociones
no mas mensajes | no más mensajes por favor | no quiero mensajes | no quiero más mensajes
no quiero recibir mensajes | no quiero recibir más mensajes | no me envíes más mensajes
no me envíen más mensajes | no me escriban más | no me escribas más | cancelar suscripción
cancelar la suscripción | desuscribir | desuscribirme | desuscribirse | anular suscripción

stopp | abmelden | bitte abmelden | abmeldung | abbestellen | bitte abbestellen | austragen
mich abmelden | ich möchte mich abmelden | keine nachrichten mehr | bitte keine nachrichten mehr
keine weiteren nachrichten | ich möchte keine nachrichten mehr | ich will keine nachrichten mehr
keine werbung | keine werbung mehr | bitte keine werbung mehr | werbung stoppen | werbung stopp
newsletter abbestellen | nachrichten stoppen | werbeaktionen beenden | aus dem verteiler nehmen

arrêt | arrêter | arrêtez | stop svp | stop pub | stop sms | désabonner | me désabonner
se désabonner | désabonnez-moi | désabonne-moi | désabonnement | désinscrire | me désinscrire
désinscription | désinscrivez-moi | plus de messages | plus de message | plus de pub
je ne veux plus de messages | je ne veux plus recevoir de messages | ne m'écrivez plus
ne me contactez plus | arrêter les promotions | arrêtez les messages | arrêter les messages

sair | parar por favor | pare | pare por favor | descadastrar | me descadastrar | descadastre-me
quero sair | quero sair da lista | sair da lista | cancelar inscrição | cancelar a inscrição
cancelar subscrição | parar promoções | parar as promoções | parar mensagens | remover
remover da lista | me remova da lista | não quero mensagens | não quero mais mensagens
não quero receber mensagens | não quero mais receber mensagens | não quero receber mais mensagens
chega de mensagens | não me mandem mais mensagens | não envie mais mensagens

stoppa | avsluta | avsluta prenumeration | avsluta prenumerationen | avregistrera
avregistrera mig | avprenumerera | sluta | sluta skicka | sluta skicka meddelanden
inga fler meddelanden | inga fler meddelanden tack | inga meddelanden | ingen reklam
ingen mer reklam | inga fler utskick | stoppa utskick | stoppa reklam | stoppa kampanjer
ta bort mig | ta bort mig från listan | jag vill inte ha fler meddelanden | nej tack till reklam

afmelden | uitschrijven | basta messaggi | disiscrivimi | annulla iscrizione | cancellami
stop berichten | wypisz | wypisz mnie | afmeld | framelding | meld meg av | peru tilaus
стоп | отписаться | отпишите меня | відписатися | 退订 | 取消订阅 | 取消訂閱 | 配信停止
수신거부 | توقف | إلغاء الاشتراك | रोकें | बंद करें
"""

_OPT_IN: Final = """
opt in | optin | opt me in | subscribe | subscribe me | resubscribe | start messages
resume messages | resume promotions | unstop

suscribir | suscribirme | suscribirse | reanudar mensajes | reanudar promociones
quiero recibir mensajes | quiero volver a recibir mensajes

abonnieren | wieder abonnieren | ich möchte wieder nachrichten | nachrichten wieder aktivieren

s'abonner | m'abonner | me réabonner | réabonner | réabonnez-moi | abonnez-moi
reprendre les messages

subscrever | quero receber mensagens | quero voltar a receber mensagens | retomar mensagens
voltar a receber mensagens

prenumerera | prenumerera igen | jag vill ha meddelanden | jag vill ha meddelanden igen

iscrivimi | подписаться | 订阅
"""

_RESUME: Final = """
start | start again | resume | sign me up again

alta | darme de alta | dame de alta | deme de alta | quiero darme de alta | reanudar | reactivar

starten | anmelden | wieder anmelden | bitte anmelden | bitte wieder anmelden | fortsetzen

reprendre | s'inscrire | m'inscrire | recommencer

inscrever | me inscrever | quero me inscrever | retomar | reativar | começar | voltar a receber

starta | starta igen | återuppta | anmäl mig | anmäl mig igen

aanmelden | старт | ابدأ
"""
"""What a chat may begin with as well."""


def _phrases(table: str) -> frozenset[str]:
    written = table.replace("\n", "|").split("|")
    return frozenset(phrase for phrase in map(words_only, written) if phrase)


_STOPPING: Final = _phrases(_STOP)
_OPTING_IN: Final = _phrases(_OPT_IN)
_RESUMING: Final = _phrases(_RESUME)


class SaidConsent(NamedTuple):
    """What a message says about proactive messages."""

    change: ConsentChange
    message: InboundMessage
    may_begin_a_chat: bool
    """It says "resumed" only of somebody who had opted out: "start" is how many a chat begins."""


def consent_change(text: str) -> ConsentChange | None:
    """What a whole message, or the title of a tapped button, says about proactive messages."""
    words = words_only(text)
    if words in _STOPPING:
        return "stopped"
    return "resumed" if words in _OPTING_IN or words in _RESUMING else None


def newest_consent_change(
    messages: Sequence[InboundMessage],
) -> SaidConsent | None:
    """The last word of the messages about it.

    Args:
        messages: in the order in which they were sent.
    """
    for message in reversed(messages):
        if message.type not in _WRITTEN:
            continue
        for said in _said(message):
            change = consent_change(said)
            if change is not None:
                return SaidConsent(change, message, words_only(said) in _RESUMING)
    return None


def _said(message: InboundMessage) -> Iterable[str]:
    """Its text; of a template's button also what the business has it send."""
    if message.text:
        yield message.text
    if message.type == "button" and message.choice_id:
        yield message.choice_id
