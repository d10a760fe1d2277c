"""The card that operators see on top of the workflow in Temporal's Web UI."""

from datetime import datetime

from temporalio import workflow

from workflows.conversation_sending import Refusal

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import Handoff, HandoffReason
    from contracts.quotas import ReachedLimit

_REASONS: dict[HandoffReason, str] = {
    "person": "the person asked for one",
    "model": "the assistant asked for one",
    "operator": "an operator took over",
    "failures": "no reply could be written, several times",
    "unanswered": "the assistant did not know, several times",
    "upset": "the person is upset",
    "echo": "answered in the WhatsApp Business app",
}


def idle(handoff: Handoff | None) -> str:
    """What a conversation does in which nothing happens."""
    if handoff is None:
        return "waiting for a message"
    if handoff.operator is None:
        return "waiting for a human; the assistant is silent"
    return "a human has the conversation; the assistant is silent"


def card(
    *,
    doing: str,
    turns: int,
    waiting: int,
    limit: ReachedLimit | None,
    handoff: Handoff | None = None,
    uncertain: int = 0,
    refusal: Refusal | None = None,
) -> str:
    """As Markdown: what is done now, what needs somebody's eye and what comes of it."""
    lines = [f"**Now:** {doing}"]
    if handoff is not None:
        lines += _human(handoff)
    if uncertain:
        lines.append(
            f"**Uncertain sends:** {uncertain} (a status of Meta's may still tell what arrived)"
        )
    if refusal is not None:
        lines.append(f"**Not delivered:** {refusal}")
    if limit is not None:
        lines.append(
            f"**Quota reached:** {limit.quota}, until {_time(limit.until)} or until it is"
            " raised. What comes meanwhile is recorded and not answered"
        )
    lines += [f"**Turns:** {turns}", f"**Messages waiting:** {waiting}"]
    return "\n\n".join(lines)


def _human(handoff: Handoff) -> list[str]:
    since, why = _time(handoff.since), _REASONS[handoff.reason]
    if handoff.operator is None:
        lines = [f"**Human:** called {since} ({why}); nobody has come yet"]
    else:
        lines = [f"**Human:** {handoff.operator.name or 'somebody'}, since {since} ({why})"]
    if handoff.returns_at is None:
        return [*lines, "**The assistant returns:** when an operator hands the conversation back"]
    by_itself = f"at {_time(handoff.returns_at)}, unless a human writes before"
    return [*lines, f"**The assistant returns:** {by_itself}; or when it is handed back"]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
