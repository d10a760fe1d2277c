"""What `parley run` says when everything is up: where to look, what to ask, who answers."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.demo.seed import DemoSummary
from local.stack import CHAT_MODEL, Stack

OFFLINE_NOTICE = (
    f"Answers come from the offline model ({CHAT_MODEL}): it quotes the documents and cannot "
    "converse. For a real one, start with OPENAI_API_KEY=… or OPENAI_BASE_URL=… "
    "(any OpenAI-compatible server), in the environment or in .env."
)


def print_welcome(
    stack: Stack, *, demo: DemoSummary | None, console: Console, data_dir: Path, seconds: float
) -> None:
    """Print the addresses (the phone first), the demo key, a question to ask, and the model."""
    console.print(f"\n[bold green]Parley is ready[/] [dim]after {seconds:.1f} s[/]\n")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if stack.simulator_url is not None:
        table.add_row("Phone", f"[bold cyan]{stack.simulator_url}[/]")
    table.add_row("API", f"{stack.api_url}/docs")
    if stack.temporal_ui_url is not None:
        table.add_row("Temporal Web UI", stack.temporal_ui_url)
    table.add_row("Admin key", escape(stack.admin_key))
    for name, address in stack.addresses.items():
        table.add_row(f"[dim]{name}[/]", f"[dim]{address}[/]")
    table.add_row("[dim]Data[/]", f"[dim]{escape(str(data_dir))}[/]")
    table.add_row("[dim]Logs[/]", f"[dim]{escape(str(data_dir / 'logs'))}[/]")
    console.print(table)
    console.print()
    if demo is not None:
        console.print(
            f"Open [bold cyan]{stack.simulator_url}[/] and ask:", soft_wrap=True, highlight=False
        )
        for business in demo.businesses:
            console.print(f"  [bold]{escape(business.name)}[/]", soft_wrap=True)
            for question in business.suggested_questions:
                console.print(f"    [italic]{escape(question)}[/]", soft_wrap=True)
        console.print()
    if stack.model_url is not None:
        console.print(OFFLINE_NOTICE, soft_wrap=True, highlight=False)
    console.print("[dim]Ctrl-C stops everything.[/]")
