"""What was said, as it stands now: in order, by whom, with what people did to messages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.conversation import Referral
from domain.transcript import MAX_QUOTE, Quote, Sender, Utterance, cut, transcript

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count(1)


@dataclass(frozen=True)
class Stored:
    """A message as a store keeps it."""

    text: str | None
    sender: Sender = "user"
    type: str = "text"
    refers_to: str | None = None
    in_reply_to: str | None = None
    forwarded: bool = False
    referral: Referral | None = None
    status: str = "received"
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def id(self) -> str:
        return f"msg_{self.number:06}"

    @property
    def whatsapp_message_id(self) -> str | None:
        return f"wamid.{self.number}"

    @property
    def sent_at(self) -> datetime | None:
        return NOON + timedelta(seconds=self.number)

    @property
    def created_at(self) -> datetime:
        return NOON


def wamid(message: Stored) -> str:
    return message.whatsapp_message_id or ""


def edit(of: Stored, text: str) -> Stored:
    return Stored(f"[edited: {text}]", type="edit", refers_to=wamid(of))


def revoke(of: Stored) -> Stored:
    return Stored("[deleted a message]", type="revoke", refers_to=wamid(of))


def react(to: Stored, emoji: str) -> Stored:
    text = f"[reaction: {emoji}]" if emoji else "[reaction removed]"
    return Stored(text, type="reaction", refers_to=wamid(to))


def shown(*messages: Stored, quoted: tuple[Stored, ...] = ()) -> list[Utterance]:
    return [line.utterance for line in transcript(messages, quoted=quoted)]


def test_what_was_said_comes_in_order_and_names_who_said_it() -> None:
    senders: list[Sender] = ["user", "assistant", "operator", "user"]
    messages = [
        Stored(f"text {number}", sender=sender, status="received" if sender == "user" else "sent")
        for number, sender in enumerate(senders)
    ]
    assert [(one.sender, one.text) for one in shown(*messages)] == [
        (sender, f"text {number}") for number, sender in enumerate(senders)
    ]


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_what_nobody_has_seen_was_not_said(status: str) -> None:
    assert shown(Stored("Hello", sender="assistant", status=status)) == []


def test_a_notice_of_whatsapp_is_nobodys_word() -> None:
    assert shown(Stored("[system: user_changed_number]", type="system")) == []


def test_an_edited_message_has_its_new_words_in_its_old_place() -> None:
    first, second = Stored("We are 3 people"), Stored("Anything free?")
    edited, again = edit(first, "We are 4 people"), edit(first, "We are 5 people")
    lines = shown(first, second, edited, again)
    assert [(one.text, one.edited) for one in lines] == [
        ("We are 5 people", True),
        ("Anything free?", False),
    ]


def test_an_edit_of_what_is_not_shown_is_told_by_itself() -> None:
    (line,) = shown(edit(Stored("long ago"), "the new words"))
    assert (line.kind, line.text) == ("edit", "the new words")


@pytest.mark.parametrize("comes_first", [True, False])
def test_deleted_words_are_gone_wherever_they_would_be_shown(comes_first: bool) -> None:
    secret = Stored("my PIN is 1234")
    answer = Stored("Noted", sender="assistant", status="read", in_reply_to=wamid(secret))
    after = [answer, edit(secret, "my PIN is 9999"), react(secret, "👍"), revoke(secret)]
    messages = [revoke(secret), secret, *after] if comes_first else [secret, *after]
    lines = shown(*messages)
    assert "PIN" not in str(lines)
    assert [one.kind for one in lines] == ["deletion", "message", "reaction"]
    assert lines[1].about == Quote(sender="user", text=None)


def test_a_deletion_that_names_an_edit_deletes_the_message() -> None:
    secret = Stored("first words")
    changed = edit(secret, "second words")
    assert "words" not in str(shown(secret, changed, revoke(changed)))


def test_a_reply_shows_what_it_replies_to() -> None:
    offer = Stored("The red one costs 300 €", sender="assistant", status="read")
    reply = Stored("and this one?", in_reply_to=wamid(offer))
    assert shown(offer, reply)[1].about == Quote(sender="assistant", text=offer.text)
    (alone,) = shown(reply, quoted=(offer,))
    assert alone.about == Quote(sender="assistant", text=offer.text)
    (unknown,) = shown(reply)
    assert unknown.about == Quote()


def test_a_long_quotation_is_cut_where_one_sees_it() -> None:
    long = Stored("word " * 200)
    about = shown(long, Stored("?", in_reply_to=wamid(long)))[1].about
    assert about is not None
    assert about.text is not None
    assert len(about.text) <= MAX_QUOTE
    assert about.text.endswith("[…]")


def test_the_last_reaction_to_a_message_counts() -> None:
    ours = Stored("See you!", sender="assistant", status="read")
    lines = shown(ours, react(ours, "😡"), react(ours, "❤️"))
    assert [(one.kind, one.text) for one in lines[1:]] == [("reaction", "❤️")]
    assert lines[1].about == Quote(sender="assistant", text="See you!")
    assert len(shown(ours, react(ours, "😡"), react(ours, ""))) == 1


def test_forwarded_and_the_ad_stay_with_the_message() -> None:
    ad = Referral(headline="Summer sale", source_type="ad")
    (line,) = shown(Stored("Is this true?", forwarded=True, referral=ad))
    assert (line.forwarded, line.referral) == (True, ad)


@given(
    effects=st.lists(
        st.tuples(st.sampled_from(["edit", "revoke", "reaction", "reply"]), st.integers(0, 7)),
        max_size=12,
    ),
    order=st.randoms(use_true_random=False),
)
def test_no_order_of_effects_brings_deleted_words_back_or_reorders_what_was_said(
    effects: list[tuple[str, int]], order: object
) -> None:
    said = [Stored(f"word{number}") for number in range(8)]
    others: list[Stored] = []
    for kind, target in effects:
        about = (said + others)[target % (len(said) + len(others))]
        others.append(
            Stored(
                f"[edited: changed{target}]" if kind == "edit" else "[x]",
                type="text" if kind == "reply" else kind,
                refers_to=None if kind == "reply" else wamid(about),
                in_reply_to=wamid(about) if kind == "reply" else None,
            )
        )
    order.shuffle(others)  # type: ignore[attr-defined] # Hypothesis' Random
    messages = [*said, *others]
    lines = transcript(messages)
    ids = [message.id for message in messages]
    assert [line.message_id for line in lines] == sorted(
        (line.message_id for line in lines), key=ids.index
    )
    deleted = {one.refers_to for one in others if one.type == "revoke"}
    texts = str([(line.utterance.text, line.utterance.about) for line in lines])
    for message in said:
        if wamid(message) in deleted:
            assert f"'{message.text}'" not in texts


def test_a_cut_shows() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdefghijkl", 8) == "abcd […]"
