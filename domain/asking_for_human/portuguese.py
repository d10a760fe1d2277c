"""How people ask for a human in Portuguese."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = (
    r"(?:(?:uma?|um|o|a|os|as|algum|alguma|seu|sua|seus|outr[oa]|qualquer|vosso|verdadeir[oa])\s+)*"
)
_STRICT: Final = (
    r"humano|ser humano|atendente(?: humano)?|agente(?: humano)?|operadora?|representante|"
    r"pessoa (?:real|humana|de verdade)|verdadeira pessoa|consultora?|supervisora?|"
    r"assistente humano"
)
_END: Final = (
    r"(?=$| (?:por favor|pfv|pf|agora|ja|urgente|aqui|que|para|pra|e nao|nao um|em vez|de verdade))"
)
PORTUGUESE: Final = language(
    whole=(
        r"(?:uma? |um |o |a |outro |outra )?(?:humano|ser humano|atendente|atendente humano|"
        r"agente|agente humano|operadora?|representante|pessoa (?:real|humana|de verdade)|"
        r"atendimento humano|suporte humano|supervisora?|assistente humano|"
        r"atendimento ao cliente|apoio ao cliente)"
    ),
    courtesies=(
        r"por favor|pfv|pf|obrigad[oa]|ola|oi|bom dia|boa tarde|boa noite|agora|ja|sim|quero|"
        r"preciso(?: de)?"
    ),
    who=_THE + rf"(?:{_STRICT}|pessoas?|alguem|funcionari[oa]|colaboradora?|colegas?|vendedora?|"
    r"gerente|responsavel|suporte|atendimento|equipe|equipa|apoio ao cliente|gestora?|chefe)"
    r"(?! (?:da|do) (?:minha|meu|nossa|nosso))",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"(?:falar|conversar|comunicar|contactar|contatar|teclar|tratar)(?: direto| diretamente| "
        r"logo| mesmo| agora)? com <who>",
        r"(?:passa|passe|passar|transfere|transfira|transferir|conecta|conecte|conectar|"
        r"encaminha|encaminhe|encaminhar|liga|ligue|coloca|coloque|direciona|direcione|poe|"
        r"ponha)(?:[- ]me)? (?:em contato |em contacto )?(?:para|pra|pro|com|a|ao) <who>",
        r"me (?:passa|passe|passar|passem|transfere|transfira|transferir|conecta|conecte|encaminha|"
        r"encaminhe|coloca|coloque|liga|ligue|direciona|direcione|poe) (?:em contato )?"
        r"(?:para|pra|pro|com|a|ao) <who>",
        r"(?:chama|chame|chamar|arranja|arranje) <wanted>",
        r"(?:quero|preciso(?: de)?|gostaria de|prefiro|desejo|exijo|queria|solicito)(?: ter)? "
        r"<wanted>" + _END,
        r"(?:quero|preciso(?: de)?|gostaria de|prefiro|queria|tem|ha|solicito) (?:um )?"
        r"(?:atendimento|suporte|apoio) (?:humano|com humano|de uma pessoa)",
        r"(?:ser )?atendid[oa] por <who>",
        r"(?:tem|ha) alguem(?: ai| real| de verdade| com quem| que me| disponivel)+",
        r"(?:tem|ha) (?:algum|alguma|um|uma) (?:agente|pessoa|humano|atendente)(?: humano| real)?"
        r"(?: disponivel| ai| com quem| que me)",
        r"(?:um humano|uma pessoa real|um atendente|uma pessoa|alguem) (?:pode|poderia) (?:me )?"
        r"(?:atender|ajudar|ligar|responder|contactar|contatar)(?:-me)?",
        r"(?:humano|atendente|agente|operadora?) por favor",
    ],
    not_after=(
        r"nao(?: (?:quero|preciso|desejo|gostaria|tenho|me|e|queria|precisa|te|lhe|de|que|mais))*|"
        r"sem(?: ter que| ter de)?|nunca(?: quero)?|(?<!nao )consegui|acabei de|tive (?:que|de)|"
        r"depois de|antes de|em vez de"
    ),
)
