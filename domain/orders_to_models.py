"""Texts of documents that speak to a language model instead of to a reader.

A net with holes: it catches what is copied from page to page, not who words it anew. So nothing
rests on it alone; what is caught is still shown as data, but no link, address or figure may be
taken from it.
"""

from typing import Final

import regex

_IGNORE: Final = (
    r"ignor\w*|disregard\w*|forget|override|bypass|olvid\w*|vergiss|vergessen\sSie|missachte\w*"
    r"|oubli\w*|esque[çc]\w*|desconsider\w*|strunta\si|bortse\sfrån|glöm"
)
_EARLIER: Final = (
    r"previous|prior|above|earlier|all|any|your|anterior\w*|previas?|todas|tus|sus|bisherigen?"
    r"|vorherigen?|obigen?|alle|deine|pr[ée]c[ée]dent\w*|toutes|vos|tes|suas|tidigare|alla|dina"
)
_RULES: Final = (
    r"instructions?|prompts?|rules|guidelines|directives|instrucciones|reglas|indicaciones"
    r"|Anweisungen|Regeln|Vorgaben|consignes|r[èe]gles|instruções|regras|instruktioner|regler"
)
_ORDERS: Final = regex.compile(
    rf"\b(?:{_IGNORE})\b[^.!?\n]{{0,40}}\b(?:{_EARLIER})\b[^.!?\n]{{0,40}}\b(?:{_RULES})\b"
    r"|\bsystem\sprompt\b|\bdeveloper\smessage\b"
    r"|\byou\s(?:are|must)\snow\s(?:\w+\s){0,4}(?:act|assistant|mode|ai|dan|jailbr\w+)\b"
    r"|\b(?:note|message|instructions?|attention)\s(?:to|for)\s(?:the\s|all\s|any\s)?"
    r"(?:ai|llm|language\smodel|ai\sassistant|chat\s?bot)s?\b"
    r"|\b(?:call|invoke|use)\sthe\s(?:tool|function)\s\w+_\w+"
    r"|<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?INST\]",
    regex.IGNORECASE,
)


def gives_orders(text: str) -> bool:
    """Whether somebody tells a model in `text` what to do."""
    return _ORDERS.search(text) is not None
