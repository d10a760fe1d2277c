"""The card that operators see on top of the workflow in Temporal's Web UI."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import Handoff, HandoffReason
    from contracts.quotas import ReachedLimit

_REASONS: dict[HandoffReason, str] = {
    "person": "the person asked for one",
    "model": "the assistant asked for one",
    "operator": "taken over",
    "failures": "no reply could be written, several times",
    "unanswered": "the assistant did not know, several times",
    "upset": "the person is upset",
    "echo": "answered in the WhatsApp Business app",
}


def card(
    *,
    doing: str,
    turns: int,
    waiting: int,
    limit: ReachedLimit | None,
    handoff: Handoff | None = None,
    uncertain: int = 0,
) -> str:
    """As Markdown: what is done now, who has the conversation, and what needs somebody's eye."""
    lines = [
        f"**Now:** {doing}",
        f"**Turns:** {turns}",
        f"**Messages waiting:** {waiting}",
    ]
    if handoff is not None:
        who = "a human has it" if handoff.operator else "waiting for a human"
        since = f"since {handoff.since:%Y-%m-%d %H:%M} UTC"
        lines.append(f"**Human:** {who} {since} ({_REASONS[handoff.reason]})")
        if handoff.returns_at is not None:
            lines.append(f"**The assistant returns:** {handoff.returns_at:%Y-%m-%d %H:%M} UTC")
    if uncertain:
        lines.append(f"**Uncertain sends:** {uncertain}")
    if limit is not None:
        until = f"{limit.until:%Y-%m-%d %H:%M} UTC"
        lines.append(f"**Quota reached:** {limit.quota}, until {until}")
    return "\n\n".join(lines)
