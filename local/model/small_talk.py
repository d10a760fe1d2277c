"""Messages that ask nothing of the documents: greetings, thanks, "are you a bot", "a human"."""

import re
from typing import Literal

Intent = Literal["greeting", "thanks", "goodbye", "identity", "human"]


def small_talk(text: str) -> Intent | None:
    """What a message that asks nothing of the documents is about; None if it asks something."""
    said = _normalized(text)
    if len(said.split()) <= MAX_REQUEST_WORDS and (
        _ASKS_FOR_HUMAN.search(said) or _ALONE_MEANS_HUMAN.fullmatch(said)
    ):
        return "human"
    for intent, pattern in _WHOLE_MESSAGE.items():
        if pattern.fullmatch(said):
            return intent
    return None


def without_greeting(text: str) -> str:
    """`text` without a greeting in front of the question."""
    match = _GREETING_IN_FRONT.match(text)
    return text[match.end() :] if match and text[match.end() :].strip() else text


MAX_REQUEST_WORDS = 14
"""A longer message that mentions a person is a story, not a request for one."""

_GREETING = r"""(?:
    hello | hi+ | hey+ | good\ (?:morning|afternoon|evening|day)
  | hola | buen[oa]s(?:\ (?:d[ií]as|tardes|noches))?
  | hej(?:san)? | hall[åo] | tjena | god\ (?:morgon|kväll|dag)
  | guten\ (?:morgen|tag|abend) | moin | servus | grüß\ gott
  | bonjour | bonsoir | salut | coucou
  | ol[áa] | oi | bom\ dia | boa\ (?:tarde|noite)
)(?:\ (?:there|all|everyone|again))?"""

_THANKS = r"""
    (?:(?:ok(?:ay)? | great | perfect | super | perfecto | vale)\ )?
    (?:
        (?:many\ )?thank(?:s|\ you)(?:\ (?:so\ much|very\ much|a\ lot))? | thx
      | (?:muchas\ |mil\ )?gracias
      | tack(?:\ (?:så\ mycket|snälla))?
      | (?:vielen\ |besten\ )?danke?(?:\ (?:schön|sehr))?
      | merci(?:\ (?:beaucoup|bien))?
      | (?:muito\ )?obrigad[oa]
    )(?:\ for\ (?:your|the)\ help)?"""

_GOODBYE = r"""
    good\ ?bye | bye(?:\ bye)? | see\ you(?:\ (?:later|soon))?
  | adi[oó]s | hasta\ (?:luego|pronto) | hej\ ?då | vi\ ses | tschüss? | auf\ wiedersehen
  | ciao | au\ revoir | à\ bientôt | tchau
  | até\ (?:logo|mais)"""

_IDENTITY = r"""
    (?:who|what)\ are\ you
  | are\ you\ (?:an?\ )?(?:real\ )?(?:bot|robot|human|real|ai|person|machine)(?:\ or\ .*)?
  | am\ i\ (?:talking|speaking|chatting)\ (?:to|with)\ (?:an?\ )?
      (?:real\ )?(?:bot|robot|human|machine|ai|person)
  | what(?:'s|\ is)\ your\ name
  | qu(?:i[ée]n|[ée])\ eres | eres\ (?:una?\ )?(?:bot|robot|humano|persona|máquina)
  | vem\ är\ du | är\ du\ (?:en\ )?(?:bot|robot|människa)
  | wer\ (?:bist\ du|sind\ sie) | (?:bist\ du|sind\ sie)\ (?:ein\ )?(?:bot|roboter|mensch)
  | qui\ (?:êtes[-\ ]vous|es[-\ ]tu) | (?:êtes[-\ ]vous|es[-\ ]tu)\ (?:un\ )?(?:bot|robot|humain)
  | quem\ é\ você | você\ é\ (?:um\ )?(?:bot|robô|humano)"""

_ASKS_FOR_HUMAN = re.compile(
    r"""\b(?:
    (?:speak|talk|chat|(?:connect|transfer|put|pass|hand)\ me)\b.{0,25}
      \b(?:human|person|agent|someone|somebody|representative|colleague|staff|operator|employee)
  | (?:want|need|get|like|give)\ .{0,18}\b(?:human|real\ person|agent|representative|operator)
  | (?:hablar|habla|comunicar\w*|p[aá]s\w+|atiend\w+|quiero|necesito).{0,25}
      \b(?:humano|persona|agente|alguien|asesor\w*|compañero)
  | (?:prata|tala|snacka|koppla\w*|chatta|vill\ ha).{0,25}
      \b(?:människa|person|någon|medarbetare|kollega|personal\w*)
  | (?:mit|zu|einen|einem)\ .{0,15}
      \b(?:menschen|mitarbeiter\w*|person|kolleg\w+|berater\w*)\ .{0,12}
      (?:sprechen|reden|verbinden|schreiben|verbunden)
  | (?:parler|joindre|passez|contacter|discuter).{0,25}
      \b(?:humain|personne|quelqu'un|conseiller\w*|agent|collègue)
  | (?:falar|conversar|passar?|transferir|quero|preciso).{0,25}
      \b(?:humano|pessoa|atendente|alguém|agente|colega)
)\b""",
    re.VERBOSE,
)
_ALONE_MEANS_HUMAN = re.compile(
    r"""(?:an?\ |una?\ |en\ |ein\ |uma?\ )?
    (?:human | agent | operator | representative | real\ person | humano | agente | persona\ real
      | människa | mensch | mitarbeiter | humain | conseiller | atendente)
    (?:\ (?:please | por\ favor | tack | bitte | s'il\ vous\ plaît))?""",
    re.VERBOSE,
)
_PATTERNS: dict[Intent, str] = {
    "greeting": _GREETING,
    "thanks": _THANKS,
    "goodbye": _GOODBYE,
    "identity": _IDENTITY,
}
_WHOLE_MESSAGE: dict[Intent, re.Pattern[str]] = {
    intent: re.compile(rf"(?:{_GREETING}\ )?(?:{pattern})(?:\ {_GREETING})?", re.VERBOSE)
    for intent, pattern in _PATTERNS.items()
}
_GREETING_IN_FRONT = re.compile(rf"\s*{_GREETING}\b[\s,.!¡\u2013-]+", re.IGNORECASE | re.VERBOSE)


def _normalized(text: str) -> str:
    said = text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(re.sub(r"[^\w\s'-]+", " ", said).split())
