"""Meta's error codes in our words, each with its verdict.

Of the codes that stop a sender, some only seem to: 130497 is about the recipient's country, 131030
about a test number's list, 131064 limits templates alone, 134011 messages about payments. They fail
the message that met them and pause nothing. 131048 and 131037 are about one number, although Meta
lists them beside what concerns the whole account. Codes of registration are no answer to a message
by Meta's documents; where one comes nevertheless, the number cannot send.

17, 32, 102, 463, 467, 613 and 80008 are of the Graph API at large.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Verdict(StrEnum):
    """What is known about the message, and what to do next."""

    BACK_OFF = "back_off"
    """Turned away before it was processed (throughput, rate): safe to send again, later."""
    PAIR_BACK_OFF = "pair_back_off"
    """The same, for this recipient alone: wait 4^n seconds."""
    UNCERTAIN = "uncertain"
    """A fault at Meta's side: it may have been sent."""
    SENDER_BLOCKED = "sender_blocked"
    """Credential, permission, registration or quality of this number: nothing from it goes out
    until a person has mended it. The message waits."""
    ACCOUNT_BLOCKED = "account_blocked"
    """The same for all numbers of the WhatsApp Business Account."""
    NEEDS_TEMPLATE = "needs_template"
    """The 24-hour service window is closed."""
    HELD_BACK = "held_back"
    """Meta spares this person more marketing for now: not before 24 hours have passed."""
    OPTED_OUT = "opted_out"
    """This person wants no marketing from this business."""
    UNREACHABLE = "unreachable"
    """This recipient, from this number: others are not concerned."""
    TEMPLATE_REFUSED = "template_refused"
    """This template, or what was filled in. Replies in words are not concerned."""
    REJECTED = "rejected"
    """This message: sending it again cannot help."""


class GraphErrorCode(NamedTuple):
    """One of Meta's codes, in our words."""

    verdict: Verdict
    meaning: str
    what_to_do: str
    """For an operator of the organisation."""


CODES: Final[Mapping[int, GraphErrorCode]] = {
    0: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "Meta does not accept the access token.",
        "Make a new access token and change access_token of the channel.",
    ),
    1: GraphErrorCode(
        Verdict.UNCERTAIN,
        "Meta does not say what went wrong.",
        "Nothing; if it goes on, look at Meta's status page.",
    ),
    2: GraphErrorCode(
        Verdict.UNCERTAIN,
        "Meta's API is down or overloaded.",
        "Nothing; Meta's status page tells how long.",
    ),
    3: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The app lacks the capability to send.",
        "Give the app whatsapp_business_messaging, then make a new access token.",
    ),
    4: GraphErrorCode(
        Verdict.BACK_OFF,
        "The app has used up its calls of the hour.",
        "Nothing; if it goes on, look at the app's rate limits in its dashboard.",
    ),
    10: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "A permission was not granted or was taken away.",
        "Grant whatsapp_business_messaging, then make a new access token.",
    ),
    17: GraphErrorCode(
        Verdict.BACK_OFF,
        "The token's user has used up its calls of the hour.",
        "Nothing.",
    ),
    32: GraphErrorCode(
        Verdict.BACK_OFF,
        "The page has used up its calls of the hour.",
        "Nothing.",
    ),
    33: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The business phone number was deleted.",
        "Register the number again in WhatsApp Manager, or delete the channel.",
    ),
    100: GraphErrorCode(
        Verdict.REJECTED,
        "A field of the request is not as Meta wants it.",
        "Look at the error's words; tell the developers.",
    ),
    102: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The access token's session has ended.",
        "Make a new access token and change access_token of the channel.",
    ),
    190: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The access token has expired or was revoked.",
        "Make a new access token (a system user's does not expire) and change access_token.",
    ),
    200: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "A permission was not granted or was taken away.",
        "Grant whatsapp_business_messaging, assign the account to the token's system user, "
        "then make a new access token.",
    ),
    368: GraphErrorCode(
        Verdict.ACCOUNT_BLOCKED,
        "Meta has restricted the account for breaking its policies.",
        "Business Support Home says why and takes appeals.",
    ),
    463: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The access token has expired.",
        "Make a new access token and change access_token of the channel.",
    ),
    467: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The access token was revoked.",
        "Make a new access token and change access_token of the channel.",
    ),
    613: GraphErrorCode(
        Verdict.BACK_OFF,
        "A limit of calls is reached.",
        "Nothing.",
    ),
    80007: GraphErrorCode(
        Verdict.BACK_OFF,
        "The account has used up its calls of the hour.",
        "Nothing.",
    ),
    80008: GraphErrorCode(
        Verdict.BACK_OFF,
        "The account has used up its calls of the hour.",
        "Nothing.",
    ),
    130403: GraphErrorCode(
        Verdict.UNREACHABLE,
        "The business has blocked this person.",
        "Unblock the person in WhatsApp Manager.",
    ),
    130429: GraphErrorCode(
        Verdict.BACK_OFF,
        "The number sends more messages a second than it may.",
        "Nothing; if it goes on, lower messages_per_second of the channel.",
    ),
    130472: GraphErrorCode(
        Verdict.UNREACHABLE,
        "The person is in an experiment of Meta's and gets no marketing.",
        "Nothing; write when the person has written.",
    ),
    130497: GraphErrorCode(
        Verdict.UNREACHABLE,
        "The business may not write to people in this country.",
        "Meta's policy for the business's category says which countries.",
    ),
    131000: GraphErrorCode(
        Verdict.UNCERTAIN,
        "Something went wrong at Meta's side.",
        "Nothing; if it goes on, ask Meta's support.",
    ),
    131005: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The access token may not send from this number.",
        "Grant whatsapp_business_messaging, assign the account to the token's system user, "
        "then make a new access token.",
    ),
    131008: GraphErrorCode(
        Verdict.REJECTED,
        "A field of the request is missing.",
        "Look at the error's words; tell the developers.",
    ),
    131009: GraphErrorCode(
        Verdict.REJECTED,
        "A field of the request has a value that is not allowed.",
        "Look at the error's words: an address, a file or a number may be wrong.",
    ),
    131016: GraphErrorCode(
        Verdict.UNCERTAIN,
        "A service of Meta's was not available.",
        "Nothing; Meta's status page tells how long.",
    ),
    131021: GraphErrorCode(
        Verdict.REJECTED,
        "The message was addressed to the number that sends it.",
        "Correct the person's number.",
    ),
    131026: GraphErrorCode(
        Verdict.UNREACHABLE,
        "The person cannot be reached: not on WhatsApp, too old an app, or its terms not accepted.",
        "Use another way to reach the person.",
    ),
    131030: GraphErrorCode(
        Verdict.UNREACHABLE,
        "A test number writes only to people on its list.",
        "Add the person to the test number's list of recipients, or use a real number.",
    ),
    131031: GraphErrorCode(
        Verdict.ACCOUNT_BLOCKED,
        "Meta has locked the account.",
        "Business Support Home says why; a wrong two-step PIN may be the cause.",
    ),
    131037: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number's display name is not approved.",
        "Have the display name approved in WhatsApp Manager.",
    ),
    131042: GraphErrorCode(
        Verdict.ACCOUNT_BLOCKED,
        "The account cannot be charged: its way of payment is missing or not accepted.",
        "Mend the payment method in Meta's billing settings.",
    ),
    131045: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number is not registered, or its certificate is wrong.",
        "Register the number with the Cloud API.",
    ),
    131047: GraphErrorCode(
        Verdict.NEEDS_TEMPLATE,
        "More than 24 hours have passed since the person last wrote.",
        "Send a template, or wait until the person writes.",
    ),
    131048: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "Too many messages of this number were blocked or marked as spam.",
        "Look at the number's quality in WhatsApp Manager; send less that nobody asked for.",
    ),
    131049: GraphErrorCode(
        Verdict.HELD_BACK,
        "Meta holds back marketing that the person would get too much of.",
        "Do not send it again before 24 hours have passed.",
    ),
    131050: GraphErrorCode(
        Verdict.OPTED_OUT,
        "The person has stopped marketing messages of this business.",
        "Nothing; the opt-out is recorded.",
    ),
    131051: GraphErrorCode(
        Verdict.REJECTED,
        "Meta does not know this type of message.",
        "Tell the developers.",
    ),
    131052: GraphErrorCode(
        Verdict.REJECTED,
        "A file that the person sent could not be fetched.",
        "Ask the person to send it again.",
    ),
    131053: GraphErrorCode(
        Verdict.REJECTED,
        "A file could not be sent: its type, its size or its address.",
        "Use a file of a type and size that WhatsApp takes, at an address that Meta can reach.",
    ),
    131055: GraphErrorCode(
        Verdict.REJECTED,
        "This way of sending takes marketing templates only.",
        "Send it as an ordinary message.",
    ),
    131056: GraphErrorCode(
        Verdict.PAIR_BACK_OFF,
        "Too many messages went to this person in a short time.",
        "Nothing.",
    ),
    131057: GraphErrorCode(
        Verdict.UNCERTAIN,
        "The number is being moved to a higher throughput, for about a minute.",
        "Nothing.",
    ),
    131061: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template has a highest price, which this way of sending does not know.",
        "Send it through Meta's marketing messages, or take the price off the template.",
    ),
    131062: GraphErrorCode(
        Verdict.REJECTED,
        "This message cannot go to a user id, only to a phone number.",
        "Ask the person for their number.",
    ),
    131063: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "Marketing templates are switched off for this way of sending.",
        "Send it through Meta's marketing messages, or switch them on in WhatsApp Manager.",
    ),
    131064: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "Templates were put into a wrong category, so fewer may be sent for a while.",
        "Correct the categories of the templates; the limit lifts by itself.",
    ),
    132000: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template wants another count of parameters.",
        "Fill in as many parameters as the template has.",
    ),
    132001: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "There is no such template in this language, or it is not approved.",
        "Compare name and language with WhatsApp Manager.",
    ),
    132005: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template is too long once it is filled in.",
        "Shorten the parameters.",
    ),
    132007: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template's text breaks a rule on its characters.",
        "Edit the template.",
    ),
    132012: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "A parameter does not have the format that the template wants.",
        "Correct the parameter.",
    ),
    132015: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "Meta has paused the template for its quality.",
        "Wait until Meta tells that it is active again, or edit it.",
    ),
    132016: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "Meta has paused the template too often and has disabled it.",
        "Make another template.",
    ),
    132068: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template's Flow is blocked.",
        "Correct the Flow.",
    ),
    132069: GraphErrorCode(
        Verdict.TEMPLATE_REFUSED,
        "The template's Flow is throttled: few messages an hour.",
        "Correct the Flow.",
    ),
    133000: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number was not deregistered completely.",
        "Deregister the number again, then register it.",
    ),
    133004: GraphErrorCode(
        Verdict.UNCERTAIN,
        "A server of Meta's is not available.",
        "Nothing; Meta's status page tells how long.",
    ),
    133005: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The two-step PIN is wrong.",
        "Set the PIN in WhatsApp Manager, then register the number.",
    ),
    133006: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number must be verified again.",
        "Verify the number in WhatsApp Manager, then register it.",
    ),
    133008: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "Too many wrong two-step PINs.",
        "Wait as long as the error's words say, then register the number.",
    ),
    133009: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "Two-step PINs were entered too fast.",
        "Wait as long as the error's words say, then register the number.",
    ),
    133010: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number is not registered with the Cloud API.",
        "Register the number.",
    ),
    133015: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number was deleted a moment ago.",
        "Wait five minutes, then register the number.",
    ),
    133016: GraphErrorCode(
        Verdict.SENDER_BLOCKED,
        "The number was registered and deregistered too often.",
        "Meta locks it for up to three days; then register it.",
    ),
    134011: GraphErrorCode(
        Verdict.REJECTED,
        "The terms of WhatsApp's payments are not accepted.",
        "Accept them in WhatsApp Manager.",
    ),
    135000: GraphErrorCode(
        Verdict.REJECTED,
        "The request is not as Meta wants it.",
        "Look at the error's words; tell the developers.",
    ),
    137000: GraphErrorCode(
        Verdict.UNREACHABLE,
        "The person has installed WhatsApp anew; their identity is not the one known.",
        "Confirm the person's identity, then send again.",
    ),
}
"""By code; the permissions, 200 to 299, have one meaning and stand under 200."""
