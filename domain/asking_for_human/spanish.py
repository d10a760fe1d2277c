"""How people ask for a human in Spanish."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = (
    r"(?:(?:una?|el|la|los|un|algun|alguna|otr[oa]|su|tu|vuestro|cualquier|verdader[oa])\s+)*"
)
_STRICT: Final = (
    r"humano|ser humano|agente(?: humano)?|asesora?|operadora?|representante|ejecutiv[oa]|"
    r"persona (?:real|humana|de verdad|fisica)|verdadera persona|supervisora?|encargad[oa]|"
    r"teleoperadora?"
)
_END: Final = (
    r"(?=$| (?:por favor|porfa|porfavor|ya|ahora|urgente|urgentemente|aqui|que|para que|y no|no un|"
    r"en vez|de verdad|real))"
)
SPANISH: Final = language(
    whole=(
        r"(?:una? |el |la |otro |otra )?(?:humano|ser humano|agente|agente humano|asesora?|"
        r"operadora?|representante|ejecutiv[oa]|persona (?:real|humana|de verdad)|"
        r"atencion al cliente|atencion humana|atencion personal|supervisora?|teleoperadora?|"
        r"soporte humano)"
    ),
    courtesies=(
        r"por favor|porfa|porfavor|gracias|hola|buenas|buenos dias|buenas tardes|ya|ahora|si|"
        r"quiero|necesito"
    ),
    who=_THE + rf"(?:{_STRICT}|personas?|alguien|responsable|gerente|emplead[oa]|"
    r"companer[oa]|atencion al cliente|soporte|comercial|gestora?|recepcion(?:ista)?|"
    r"servicio al cliente|vuestro equipo|equipo|jefe)(?! de (?:mi|nuestr[oa]|recursos))",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"(?:hablar|chatear|conversar|comunicarme|contactar|charlar|platicar|hablarlo|tratar)"
        r"(?: directamente| ya| mejor| ahora| urgentemente| urgente)? con <who>",
        r"^con <who> por ?favor",
        r"(?:pasa|pase|pasad|pasar|pasen|pone|ponga|pon|pongan|comunica|comunique|comuniquen|"
        r"comunicar|transfiere|transfiera|transferir|conecta|conecte|conectar|deriva|derive|"
        r"derivar|dirige|dirija)(?:me|nos)(?: por favor)? (?:con|a) <who>",
        r"me (?:pasas?|pasan|pases?|pones?|ponga|comunicas?|comunique|transfieres?|transfiera|"
        r"conectas?|conecte|derivas?|puedes? pasar|podrias? pasar|puedes? comunicar|"
        r"puedes? poner|podrias? comunicar) (?:con|a) <who>",
        r"(?:da|de|den|dar|consigue|consiga|busca|manda|envia)me (?:a )?<wanted>" + _END,
        r"(?:quiero|necesito|prefiero|quisiera|exijo|requiero|solicito|deseo|busco) (?:a )?"
        r"<wanted>" + _END,
        r"(?:que )?me (?:atienda|ayude|responda|conteste|atiende|llame) <who>",
        r"(?:atenderme|ayudarme|responderme|contestarme|llamarme) <wanted>",
        r"(?:me )?(?:puede|podria) (?:atenderme|atender|ayudarme|llamarme) (?:una persona|alguien)",
        r"hay alguien(?: ahi| alli| aqui| real| de verdad| con quien| que me| disponible)+",
        r"hay (?:algun|alguna|un|una) (?:agente|persona|humano|asesora?|operadora?)"
        r"(?: humano| real)?(?: disponible| ahi| con quien| que me| con el que| con la que)",
        r"atencion (?:humana|de una persona|por una persona)",
        r"(?:humano|agente|asesora?|operadora?|persona real) por ?favor",
    ],
    not_after=(
        r"(?<!que )no(?: (?:quiero|necesito|deseo|hace|hay|quisiera|prefiero|tengo|me|falta|que|"
        r"te|he dicho|hagas))*|sin(?: tener que)?|nunca(?: quiero)?|tampoco(?: quiero)?|tuve que|"
        r"(?<!no )(?:pude|consegui|logre)|despues de|antes de|acabo de|en vez de|gusto"
    ),
)
