"""How people ask for a human in Swedish."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = (
    r"(?:(?:en|ett|nagon|nan|er|din|riktig|riktigt|verklig|levande|mansklig|fysisk|annan|av|era|ert|"
    r"den|er)\s+)*"
)
_STRICT: Final = (
    r"manniska|agent|handlaggare|medarbetare|(?:riktig|verklig|levande|fysisk) person|operator|"
    r"radgivare|kundtjanstmedarbetare|kundtjanst|kundservice"
)
_END: Final = (
    r"(?=$| (?:tack|nu|snalla|har|genast|direkt|som|i stallet|istallet|och inte|att prata|"
    r"att chatta|inte en))"
)
SWEDISH: Final = language(
    whole=(
        r"(?:en |ett )?(?:riktig |levande |verklig |mansklig )?(?:manniska|agent|kundtjanst|"
        r"kundservice|medarbetare|operator|handlaggare|radgivare|kundtjanstmedarbetare)|"
        r"(?:en )?(?:riktig|levande|verklig) person|mansklig (?:support|hjalp)"
    ),
    courtesies=r"tack|snalla|hej|hejsan|nu|ja|jag vill ha|jag vill|jag behover|god morgon",
    who=_THE + rf"(?:{_STRICT}|person|kollega|representant|support(?:en)?|nagon|"
    r"personal(?:en)?|chef(?:en)?|ansvarig|teamet|anstalld|saljare)(?! i (?:min|vart))",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"(?:prata|tala|snacka|chatta|kommunicera|diskutera)(?: direkt| hellre)? med <who>",
        r"(?:fa|ta|komma i)(?: direkt)? (?:kontakt|tag) (?:med|i|pa) <who>",
        r"(?:koppla|kopplas|overfor|overforas|skicka|slussa|vidarekoppla|forflytta)(?: mig| oss| "
        r"chatten)?(?: vidare| over| fram)* (?:till|med) <who>",
        r"(?:vill|behover|onskar|foredrar|kraver|skulle vilja)(?: jag)?(?: hellre)?(?: ha| fa)?"
        r"(?: hjalp av| kontakt med)? <wanted>" + _END,
        r"(?:hjalp|hjalpt|svar) av <wanted>",
        r"ge mig <wanted>" + _END,
        r"finns det (?:nagon|<who>) (?:dar|har|som|jag kan|man kan|tillganglig|pa plats|att prata)",
        r"ar det nagon (?:dar|har|hemma)",
        r"kan (?:en|nagon)(?: riktig| levande| verklig)*(?: manniska| person| medarbetare| "
        r"kollega)? (?:ringa|kontakta|ta over|aterkomma|hora av sig)",
        r"kan en(?: riktig| levande)* (?:manniska|medarbetare)(?: hjalpa| svara)",
        r"(?:manniska|agent|kundtjanst|medarbetare) tack",
    ],
    not_after=(
        r"(?<!kan jag )(?<!far jag )(?<!jag kan )(?<!kan man )inte(?: (?:langre|ens|bli|jag))*"
        r"(?: vill| behova| behover| ha)*|aldrig|slipper|slippa|utan att|istallet for att|"
        r"innan jag|efter att(?: ha)?|fick"
    ),
)
