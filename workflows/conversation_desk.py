"""The human side of a conversation: who has it, what operators want sent, who waits for them.

Handlers of updates and signals only change what is here; the loop of the workflow does the rest.
"""

from collections import deque
from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import (
        AcceptedMessage,
        CarriedState,
        ConversationStatus,
        EchoedMessage,
        Handoff,
        HandoffReason,
        InboundRecord,
        Operator,
        OperatorMessage,
        PostedMessage,
    )
    from contracts.handoff import HandoffRules
    from contracts.ids import MessageId
    from domain.handoff import after_turn

POSTED_LIMIT: Final = 100
"""Posts remembered, so that a repeated request posts nothing again."""
WAITING_POSTS: Final = 50
"""More of an operator's messages than this do not wait at a time."""
WAITING_UNANSWERED: Final = 40
"""Messages kept for the assistant's return; older ones it finds in the transcript."""

BUSINESS_APP: Final = Operator(api_key_id="", name="WhatsApp Business app")
"""Who answers there is not told."""


class Desk:
    def __init__(self, state: CarriedState) -> None:
        self.handoff: Handoff | None = state.handoff
        self.posts = deque(state.posts)
        self.echoes = deque(state.echoes)
        self.unanswered = list(state.unanswered)
        self.unsaved = False
        """Who has the conversation has changed and is not written down yet."""
        self.closing = False
        self.by: Operator | None = None
        """Who released or closed it; None: it happened by itself."""
        self.announce = False
        """A human is there now, of whom the person has not heard."""
        self.rules = state.rules or HandoffRules()
        self.counts = state.counts
        self._posted = dict(state.posted)

    @property
    def has_human(self) -> bool:
        return self.handoff is not None

    @property
    def silences(self) -> bool:
        """The assistant must not say anything, nor go on with what it is doing."""
        return self.has_human or self.closing

    @property
    def has_work(self) -> bool:
        return bool(self.posts or self.echoes or self.unsaved or self.closing)

    @property
    def status(self) -> ConversationStatus:
        return "human" if self.has_human else "bot"

    @property
    def posted(self) -> dict[str, MessageId]:
        newest = list(self._posted.items())[-POSTED_LIMIT:]
        return dict(newest)

    def take_over(self, operator: Operator) -> None:
        """This operator has the conversation from now on."""
        self.announce = self.rules.notice and (
            self.handoff is None or self.handoff.operator is None
        )
        self.hand_off("operator", operator=operator)

    def hand_off(self, reason: HandoffReason, *, operator: Operator | None = None) -> None:
        """A human has the conversation from now on, or is waited for. The first reason stays."""
        now = workflow.now()
        handoff = self.handoff or Handoff(reason=reason, since=now)
        if operator is not None:
            handoff = handoff.model_copy(update={"operator": operator, "human_at": now})
            self.closing, self.by = False, None  # Whoever acts last is right.
        self.handoff, self.unsaved = handoff, True

    def turn_ended(self, *, failed: bool, answered: bool) -> HandoffReason | None:
        """Count a turn; the reason when it is one too many without an answer."""
        self.counts, reason = after_turn(
            self.counts, failed=failed, answered=answered, rules=self.rules
        )
        return reason

    def hold(self, handoff: Handoff) -> None:
        """Go on where an earlier run was cut off while a human had the conversation."""
        if self.handoff is None:
            self.handoff = handoff
            self.unsaved = True

    def release(self, operator: Operator | None) -> None:
        """The assistant answers again; if nobody released it, also what no human has answered."""
        if self.handoff is None:
            return
        if operator is not None:
            self.unanswered.clear()
        self.handoff, self.by, self.unsaved = None, operator, True

    def close(self, operator: Operator) -> None:
        self.by, self.closing = operator, True

    def closed(self) -> None:
        """Nothing of it is left for the next time."""
        self.handoff, self.by, self.unsaved, self.closing = None, None, False, False
        self.announce = False
        self.unanswered.clear()

    def keep_unanswered(self, records: list[InboundRecord]) -> None:
        asking = [record for record in records if record.message.reply != "none"]
        self.unanswered = (self.unanswered + asking)[-WAITING_UNANSWERED:]

    def take_unanswered(self) -> list[InboundRecord]:
        taken, self.unanswered = self.unanswered, []
        return taken

    def known_post(self, post_id: str) -> AcceptedMessage | None:
        known = self._posted.get(post_id)
        return None if known is None else AcceptedMessage(message_id=known)

    def post(self, post: OperatorMessage, message_id: MessageId) -> AcceptedMessage:
        """Take an operator's message in. Whoever writes freely has the conversation."""
        self._posted[post.post_id] = message_id
        self.posts.append(PostedMessage(post=post, message_id=message_id))
        if not post.template:
            self.unanswered.clear()
            self.hand_off("operator", operator=post.operator)
        return AcceptedMessage(message_id=message_id)

    def echo(self, echo: EchoedMessage) -> None:
        """Somebody of the business answered in the WhatsApp Business app."""
        self.echoes.append(echo)
        self.unanswered.clear()
        self.hand_off("echo", operator=BUSINESS_APP)

    def written_down(self, handoff: Handoff | None, *, returns_at: datetime | None) -> None:
        """The status has been saved; nothing has changed meanwhile if it is still the same."""
        if handoff is not None and self.handoff is handoff:
            self.handoff = handoff.model_copy(update={"returns_at": returns_at})
