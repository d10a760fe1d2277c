"""How people ask for a human in German."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = (
    r"(?:(?:einem|einer|einen|eine|ein|dem|der|den|die|das|ihrem|ihrer|ihren|eurem|eurer|euren|"
    r"euch|irgendeinem|irgendeiner|echten?|echte[mr]|richtigen?|richtige[mr]|realen?|reale[mr]|"
    r"lebenden?|menschlichen?|menschliche[mr]|wirklichen?|wirkliche[mr]|zustandigen|anderen?|"
    r"anderer)\s+)*"
)
_STRICT: Final = (
    r"mensch(?:en)?|mitarbeiter(?:in|s|n)?|kundenberater(?:in|s)?|berater(?:in|s)?|agent(?:en|in)?|"
    r"ansprechpartner(?:in|s)?|(?:echten?|richtigen?|realen?|menschlichen?|wirklichen?) person|"
    r"sachbearbeiter(?:in|s)?|vorgesetzten?|kundenbetreuer(?:in|s)?"
)
_END: Final = (
    r"(?=$| (?:bitte|jetzt|sofort|hier|am telefon|der mir|die mir|der mich|zum (?:reden|sprechen)|"
    r"und kein\w*|statt|sprechen|haben|als ansprechpartner\w*))"
)
GERMAN: Final = language(
    whole=(
        r"(?:einen? |einem |eine[mr] |den |der )?(?:echte[rnm]? |richtige[rnm]? |reale[rnm]? |"
        r"menschliche[rnm]? )?(?:mensch(?:en)?|mitarbeiter(?:in)?|kundenberater(?:in)?|"
        r"berater(?:in)?|agent(?:en|in)?|ansprechpartner(?:in)?|kundenservice|kundendienst|"
        r"kundensupport|kundenbetreuung|live ?chat)|(?:eine )?(?:echte|reale|richtige) person"
    ),
    courtesies=r"bitte|hallo|hi|danke|jetzt|sofort|guten tag|guten morgen|ja|ich will|"
    r"ich mochte|ich brauche",
    who=_THE + rf"(?:{_STRICT}|person|kolleg(?:en|in|e)|jemand(?:em|en)?|support|"
    r"kunden(?:service|dienst|support|betreuung)|operator|team|chef(?:in)?|service|hotline|"
    r"personal|filialleiter(?:in)?)(?: aus (?:ihrem|eurem|dem) team| von (?:ihnen|euch))?",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"mit <who>(?: \w+){0,2}? (?:sprechen|reden|schreiben|chatten|telefonieren|kommunizieren|"
        r"verbinden|verbunden)",
        r"verbinde[nt]?(?: sie| mich| uns| bitte)* mit <who>",
        r"(?:an|zu|auf) <who> (?:weiter(?:zu)?leiten|weitergeleitet|ubergeben|uber(?:zu)?geben|"
        r"durch(?:zu)?stellen|durchgestellt|weiterreichen|weitergeben|vermitteln|weiterverbinden|"
        r"wenden)",
        r"(?:leite[nt]?|stelle[nt]?|gib|gebt|geben|reiche[nt]?)(?: sie| mich| uns| das| bitte)+ "
        r"(?:an|zu) <who>(?: weiter| durch| ab)?",
        r"(?:gib|gebt|geben sie|hole?|holt|holen sie|schicke?|schicken sie)(?: mir| bitte)* "
        r"<wanted>(?: ran| her)?" + _END,
        r"(?:will|mochte|brauche|benotige|verlange|wunsche|bevorzuge|hatte(?: gerne?)?)(?: ich)?"
        r"(?: bitte| jetzt| lieber| endlich| gerne?)* <wanted>" + _END,
        r"ist (?:da|dort|hier|bei euch|bei ihnen) jemand(?: erreichbar| da)?",
        r"gibt es(?: hier| da| bei euch)?(?: auch)? (?:<wanted>|jemanden)(?: mit dem| mit der| "
        r"hier| den ich| bei euch| zum)",
        r"(?:kann|konnte)(?: mir| mich| sich)?(?: bitte)? (?:ein|eine|jemand)(?: echter| richtiger"
        r"| echte| richtige)*(?: mensch| mitarbeiter| mitarbeiterin| person| kollege)?"
        r"(?: bitte| mal)?(?: um mich| darum)? (?:anrufen|zuruckrufen|ubernehmen|kummern|melden)",
        r"kann (?:mir )?(?:ein|eine)(?: echter| richtiger| echte| richtige)* (?:mensch|mitarbeiter|"
        r"mitarbeiterin)(?: bitte)? (?:helfen|antworten|weiterhelfen)",
        r"(?:mensch|mitarbeiter|berater) bitte",
    ],
    not_after=(
        r"(?<!kann ich )(?<!konnte ich )(?<!darf ich )(?<!kann man )(?<!ich kann )nicht(?: mehr)?"
        r"(?: gerne?)?|nie(?: mehr| wieder)?|kein\w*|ohne|statt|anstatt|musste(?: ich)?"
        r"(?: erst)?|konnte(?: ich)?(?: gestern| schon| bereits)+"
    ),
)
