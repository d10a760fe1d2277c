"""Whether somebody is upset, by what can be read in plain sight.

Three rules, each with words for six languages: insults, threats (to leave, to complain, to go to
law), and shouting. No model judges anybody's mood here: who looks at the words knows why.
"""

import re
from typing import Final

from domain.wording import LONGEST, clauses

SHOUTED_WORDS: Final = 4
"""So many words in capitals, and nothing else, with an exclamation mark, are shouted."""

_INSULTS: Final = r"""
fuck\w*|motherfuck\w*|bullshit|assholes?|arseholes?|shitty|piece of shit|son of a bitch|
screw you|piss off|shut up|wtf|idiots?|morons?|imbeciles?|scammers?|
(?:you|this|your|it)(?: \w+)?(?:'re| are|'s| is)?(?: so| such| all| really| totally| completely|
 an?)* (?:useless|stupid|incompetent|pathetic|worthless|ridiculous|disgusting|a joke|a scam|
liars?|thieves|crooks|garbage|trash|crap)|
idiotas?|imbecil(?:es)?|estupid[oa]s?|inutiles|un inutil|gilipollas|mierda|put[oa]s?|
pendej[oa]s?|cabron(?:es)?|sinverguenzas?|estafador(?:es)?|incompetentes?|
(?:sois|son)(?: un[oa]s)? ladrones|
arschloch|arschlocher|scheisse?|scheiss\w*|verdammt\w*|idiot(?:en)?|vollidiot(?:en)?|betruger|
abzocke\w*|unfahig\w*|saftladen|halt die klappe|verarsch\w*|
connard\w*|connasse|merde|putain|encule\w*|debiles?|abrutis?|escrocs?|arnaqueurs?|
c'est une arnaque|(?:vous etes|bande)(?: tous)?(?: des| de)? voleurs|incapables?|bande d'\w+|
ta gueule|foutez? de moi|nuls? a chier|
imbecis|merda|porra|caralho|foda-se|vai se foder|filh[oa] da puta|golpistas?|palhacada|
(?:voces )?sao(?: uns)? ladroes|vigaristas?|
javla|javlar|helvete|fan ocksa|for fan|skit(?:foretag|service|bot)|idioter|dum i huvudet|
bedragare|hall kaften|vardelos[at]?|vardelost
"""

_THREATS: Final = r"""
(?:my|our) (?:lawyer|attorney|solicitor)s?|lawyers? will|sue you|suing you|legal action|
take you to court|small claims|chargeback|charge back|report you|reporting you|
complain(?:ing)? about you|
(?:file|make|lodge|submit|filing|making) an? (?:formal |official )?complaint|consumer protection|
trading standards|better business bureau|ombudsman|
never (?:buy|buying|order|ordering|shop|shopping|come|coming|use|using|book|booking)
(?: \w+){0,4} again|lost (?:me as )?a customer|last time i (?:buy|order|shop|use|book)|
going to (?:your|a|the) competitors?|worst (?:service|company|shop|experience|support|customer)|
fed up|sick (?:and tired )?of (?:this|you|waiting|your)|had enough of|this is outrageous|
absolutely unacceptable|totally unacceptable|this is unacceptable|
mi abogad[oa]|(?:os|les|te|le|voy a) (?:demandar|denunciar|denunciare|demandare)\w*|
denunciar(?:os|les|te|lo)?|hoja de reclamaciones|poner una (?:reclamacion|queja|denuncia)|
oficina del consumidor|profeco|facua|nunca mas (?:compro|vuelvo|comprare|volvere)|
no (?:vuelvo|volvere) a (?:comprar|pedir|reservar)|pesim[oa] (?:servicio|atencion|empresa)|
estoy hart[oa]|hart[oa] de|es inaceptable|es una verguenza|me voy a la competencia|
(?:mein|meinen|meinem) (?:rechts)?anwalt|verklage\w*|anzeige erstatten|
zeige (?:sie|euch) an|verbraucherzentrale|verbraucherschutz|offizielle beschwerde|
beschwerde (?:einreichen|einlegen)|ich beschwere mich|nie wieder (?:bei|bestelle|kaufe|buche)|
bestelle nie wieder|kaufe nie wieder|schlechtester?(?: \w+)? (?:service|firma|laden|kundendienst)|
mir reicht'?s|mir reicht es|habe die nase voll|hab die nase voll|eine frechheit|
eine unverschamtheit|inakzeptabel|zur konkurrenz|
mon avocat|porter plainte|depose(?:r)? plainte|saisir la justice|poursuivre en justice|
60 millions de consommateurs|ufc que choisir|repression des fraudes|dgccrf|
(?:faire|deposer) une reclamation officielle|plus jamais (?:je|chez|commander)|
ne commanderai plus jamais|pire (?:service|entreprise|magasin)|marre de|ras le bol|
c'est (?:inadmissible|inacceptable|honteux|scandaleux)|a la concurrence|
chez (?:votre|un) concurrent|
meu advogado|vou (?:processar|denunciar)\w*|procon|reclame aqui|livro de reclamacoes|
defesa do consumidor|fazer uma (?:queixa|reclamacao formal|denuncia)|nunca mais (?:compro|volto|vou
|comprarei)|pessimo (?:servico|atendimento)|pior (?:servico|atendimento|empresa)|
estou fart[oa]|cansei de|e inaceitavel|e uma vergonha|um absurdo|para a concorrencia|
min advokat|stamma er|polisanmal\w*|anmala er|konsumentverket|
allmanna reklamationsnamnden|konsumentombudsmannen|(?:gora|lamna in) en anmalan|
aldrig mer (?:handla|handlar|kopa|koper|bestalla)|handlar aldrig (?:mer|har)|
samsta (?:service|foretaget?|kundtjanst)\w*|trott pa (?:er|det har)|fatt nog|
helt oacceptabelt|det ar oacceptabelt|en skam|till (?:en|er) konkurrent
"""


def _one_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words.replace(chr(10), '')})\b")


_RULES: Final = (_one_of(_INSULTS), _one_of(_THREATS))
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


def is_upset(text: str) -> bool:
    """Whether the message insults, threatens or shouts."""
    return _shouts(text[:LONGEST]) or any(
        rule.search(clause) is not None for clause in clauses(text) for rule in _RULES
    )


def _shouts(text: str) -> bool:
    """Capitals alone are how some people write; with an exclamation mark they are loud."""
    words: list[str] = _WORD.findall(text)
    return (
        "!" in text
        and len(words) >= SHOUTED_WORDS
        and all(word.isupper() for word in words)
    )  # fmt: skip
