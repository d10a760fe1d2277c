"""How people ask for a human in French."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = r"(?:(?:une?|le|la|les|votre|vos|autre|vraie?|veritable|de|du|l'|d'|un'|service)\s*)*"
_STRICT: Final = (
    r"humain|etre humain|agent|conseillere?|operateur|operatrice|representante?|"
    r"(?:vraie|veritable) personne|personne (?:reelle|humaine|physique)|teleconseillere?|"
    r"conseillere? clientele|superviseur"
)
_END: Final = (
    r"(?=$| (?:svp|stp|s'il|maintenant|tout de suite|ici|rapidement|urgemment|pour (?:m'|me )|qui|"
    r"et pas|pas un))"
)
FRENCH: Final = language(
    whole=(
        r"(?:une? |le |la |l')?(?:vrai |vraie |veritable )?(?:humain|etre humain|agent|"
        r"agent humain|conseillere?|operateur|operatrice|representante?|teleconseillere?)|"
        r"(?:une )?(?:vraie personne|personne reelle|personne humaine)|service client(?:ele)?|"
        r"assistance humaine|support humain"
    ),
    courtesies=(
        r"svp|stp|s'il vous plait|s'il te plait|merci|bonjour|bonsoir|salut|maintenant|oui|"
        r"je veux|je voudrais"
    ),
    who=_THE + rf"(?:{_STRICT}|personne|quelqu'un|responsable|employee?|collaborat\w+|"
    r"collegue|service client(?:ele)?|support|manager|gestionnaire|interlocut\w+|equipe|"
    r"commercial)(?! de (?:mon|ma|notre))",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"(?:parler|discuter|echanger|communiquer|dialoguer|m'entretenir|tchatter|chatter|causer)"
        r"(?: directement| plutot| en direct)? (?:a|avec|au) <who>",
        r"(?:passez|passe|mettez|mets|transferez|transfere|connectez|connecte|redirigez|redirige|"
        r"orientez|oriente)[- ]moi(?: directement)?(?: en (?:relation|contact|communication))? "
        r"(?:a |au |avec |vers |chez )?<who>",
        r"(?:etre|mettre|mis|mise) (?:mis |mise )?en (?:relation|contact|communication) (?:avec|a) "
        r"<who>",
        r"me (?:passer|transferer|connecter|rediriger|orienter)(?: a| au| avec| vers)? <who>",
        r"etre (?:transferee?|redirigee?) (?:a|au|vers|chez) <who>",
        r"(?:veux|voudrais|souhaite|prefere|aimerais|exige|demande|besoin|cherche|desire)"
        r"(?: avoir| voir)? <wanted>" + _END,
        r"(?:joindre|contacter|appeler) <wanted>",
        r"(?:rappelee?|contactee?|aidee?) par <wanted>",
        r"y a[- ]t[- ]il (?:quelqu'un|<wanted>)",
        r"il y a quelqu'un",
        r"(?:un humain|une vraie personne|un agent|un conseiller|une conseillere) (?:peut|pourrait|"
        r"peux|pourra)",
        r"(?:donnez|donne|trouvez|envoyez)[- ]moi <wanted>",
        r"(?:humain|agent|conseiller|conseillere) (?:svp|stp|s'il vous plait)",
    ],
    not_after=(
        r"(?<!peux )(?<!peut )(?<!puis )(?<!possible )(?<!arrive )(?:pas|jamais)"
        r"(?: (?:de|a|besoin de|besoin|envie de|vous|me))*|sans(?: avoir a)?|"
        r"(?:evite|eviter|plutot que|apres avoir pu|avant|lieu|venir)(?: de)?|(?:ai|j'ai) pu|"
        r"viens de|qu"
    ),
)
