"""The card that operators see on top of the workflow in Temporal's Web UI."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contracts.quotas import ReachedLimit


def card(*, doing: str, turns: int, waiting: int, limit: ReachedLimit | None) -> str:
    """As Markdown: what is done now, and the quota that the last messages were beyond."""
    lines = [
        f"**Now:** {doing}",
        f"**Turns:** {turns}",
        f"**Messages waiting:** {waiting}",
    ]
    if limit is not None:
        until = f"{limit.until:%Y-%m-%d %H:%M} UTC"
        lines.append(f"**Quota reached:** {limit.quota}, until {until}")
    return "\n\n".join(lines)
