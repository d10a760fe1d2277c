"""How people ask for a human in English."""

from typing import Final

from domain.asking_for_human.language import language

_THE: Final = (
    r"(?:(?:an?|any|the|your|some|one of your|another|real|actual|live|human|physical|proper|"
    r"different|customer service|customer support|customer care|support|sales|service)\s+)*"
)
_STRICT: Final = (
    r"humans?(?: being)?(?! (?:resources?|rights|errors?|relations|body|hair|size))|agents?|"
    r"representatives?|reps?|operators?|advis[eo]rs?|real (?:person|people)|live person|"
    r"actual person|supervisor|real one"
)
_END: Final = (
    r"(?=$| (?:please|pls|plz|now|here|asap|right|immediately|instead|to (?:help|talk|speak|chat|"
    r"answer|call|assist|contact|reply)|who can|that can|not|and not|because|on the|from your))"
)
ENGLISH: Final = language(
    whole=(
        r"(?:an? |the |your )?(?:real |live |actual |human )?(?:human(?: being)?s?|agents?|"
        r"representatives?|reps?|operators?|advisors?|real person|live person|actual person|"
        r"human person|live chat|live support|human support|customer service|customer support|"
        r"customer care|supervisor)(?: to (?:talk|speak) to)?"
    ),
    courtesies=(
        r"please|pls|plz|thanks|thank you|thx|hi|hello|hey|now|asap|ok|okay|yes|just|"
        r"i want|i need|good (?:morning|evening|afternoon)"
    ),
    who=_THE + rf"(?:{_STRICT}|persons?|staff(?: members?)?|team members?|"
    r"member of (?:your |the )?(?:team|staff)|colleagues?|employees?|managers?|someone|somebody|"
    r"anyone|anybody|customer (?:service|support|care)|support(?: team)?|team|sales(?: team)?)"
    r"(?! (?:in|of|with) (?:my|our) )",
    wanted=_THE + rf"(?:{_STRICT})",
    requests=[
        r"(?<!^i )(?<!^we )(?<!^they )(?<!^you )(?<!always )(?<!usually )(?<!often )"
        r"(?:speak|talk|chat|communicate)(?: directly| live| now| again)? (?:to|with) <who>",
        r"(?:prefer|like|want|mind) (?:speaking|talking|chatting) (?:to|with) <who>",
        r"(?:connect|transfer|redirect|forward|route|switch|escalate|refer|patch)(?: me| us| this| "
        r"my chat| the chat| my case)*(?: over| through| on)? (?:to|with) <who>",
        r"(?:put|pass|hand)(?: me| us| this)(?: through| over| on)* (?:to|with) <who>",
        r"(?:put|patch) me through",
        r"be (?:connected|transferred|put through|passed(?: on)?|redirected) to <who>",
        r"let (?:an?|some) <wanted> (?:answer|help|reply|call|handle|take over)",
        r"get (?:hold of|in touch with|through to) <who>",
        r"(?:get|give|find|send|bring|fetch|let me have) (?:me |us )?<wanted>" + _END,
        r"(?:want|need|prefer|like|demand|require|requesting|request)(?: to have| to see)? "
        r"<wanted>" + _END,
        r"(?:someone|somebody|anyone|anybody|human|person|agent|representative|member of staff)"
        r"(?: there| here)?(?: that| who| whom)? (?:i|we) (?:can|could|may) (?:speak|talk|chat)",
        r"(?:can|could|may) (?:an?|some|any|the) (?:real |live |actual |human )*(?:human|person|"
        r"agent|representative|operator|colleague)(?: being)?(?: please)? (?:help|answer|reply|"
        r"take over|call|contact|assist|look|get back|talk|speak)",
        r"is (?:there )?(?:an?|any) (?:real |live |actual )*(?:human|agent|representative)"
        r"(?: being)? (?:available|there|around|here)",
        r"human (?:assistance|help|support|agent|intervention|contact)" + _END,
        r"(?:human|agent|representative|operator|real person) please",
    ],
    not_after=(
        r"(?:do not|don'?t|didn'?t|doesn'?t|did not|does not|won'?t|never|wouldn'?t)"
        r"(?: (?:really|actually|even|ever|just))*"
        r"(?: (?:want|need|like|have|wish|care|going))?(?: you)?(?: to)?(?: be)?|"
        r"(?<!why )(?<!why do )not(?: to)?|no need(?: for you)? to|without(?: having to)?|"
        r"rather not|instead of(?: a)?|hate to|"
        r"(?:told|asked|said|advised|used|supposed|afraid|nice|good|great|happy|able|managed) to|"
        r"(?<!how )(?<!why )(?<!where )(?:do|did) (?:i|we)|who (?:do|should|can) (?:i|we)|"
        r"if (?:i|we)"
    ),
)
