"""The `parley` command: one entry point for every process of the product."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from settings import Settings

app = typer.Typer(
    name="parley",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Conversational AI on WhatsApp, each conversation one durable Temporal workflow.",
)


@app.callback()
def parley() -> None:
    """Conversational AI on WhatsApp, each conversation one durable Temporal workflow.

    Try it: `parley run`, then open http://127.0.0.1:8100 and write to the demo business.
    """


@app.command()
def run() -> None:
    """Start the whole product in the foreground, on embedded services where none are set.

    PostgreSQL, Temporal, DynamoDB and S3, an offline model and a phone in the browser start beside
    API and worker; a part that dies is started again. Ctrl-C stops everything, the data stays in
    .parley and the next start finds it.

    A setting that points at an outside service, in the environment or in .env, replaces the
    embedded one:

        OPENAI_API_KEY=sk-… parley run          a real model answers

        DATABASE_URL=postgresql://… parley run  your PostgreSQL

        PARLEY_API_PORT=9000 parley run         another port

    .env.example explains all settings.
    """
    # Imported here so that `parley --help` and the other commands don't wait for it.
    from rich.console import Console

    from local.demo.seed import seed_demo
    from local.run import run as run_stack

    raise typer.Exit(run_stack(seed=seed_demo, console=Console()))


@app.command()
def migrate(
    patience: Annotated[
        float, typer.Option(help="Seconds to wait for the servers to answer.")
    ] = 60.0,
) -> None:
    """Create or upgrade PostgreSQL, DynamoDB, S3 and Temporal's search attributes."""
    import asyncio

    from migrations.everything import MigrationError, migrate_everything

    settings = _settings("migrate")
    try:
        for sentence in asyncio.run(migrate_everything(settings, patience_seconds=patience)):
            typer.echo(sentence)
    except MigrationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Seal every stored credential with the newest key of PARLEY_SECRET_KEYS.

    Put the new key in front of the ring and restart worker and api first. Everything may run
    meanwhile; it may be interrupted and repeated. It says what still needs the old keys.

    Exits with 1 when a credential cannot be opened with any key, naming it.
    """
    import asyncio

    from adapters.key_rotation import RotationFailed, rotate_stored_credentials

    try:
        outcome = asyncio.run(rotate_stored_credentials(_settings("rotate-keys")))
    except RotationFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for sentence in outcome.done:
        typer.echo(sentence)
    for sentence in outcome.problems:
        typer.echo(sentence, err=True)
    if outcome.problems:
        raise typer.Exit(1)


@app.command()
def api() -> None:
    """Serve the REST API and Meta's webhooks until interrupted."""
    from api.server import serve
    from settings import SettingsError

    try:
        serve(_settings("api"))
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command()
def worker() -> None:
    """Run the workers: they carry the conversations and the ingestion of documents.

    Start as many as there is work; each polls every task queue of Temporal. SIGTERM lets running
    activities end first.
    """
    import asyncio

    import uvloop

    settings = _settings("worker")
    from worker.main import run_worker

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_worker(settings))


@app.command()
def simulate(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8100, help="Port of the page and of the Graph API it speaks."),
    data_dir: str = typer.Option(".parley/simulator", help="Where it keeps chats and numbers."),
    temporal_ui_url: str = typer.Option(
        "http://127.0.0.1:8233", help="Temporal's Web UI, for the links to workflows."
    ),
) -> None:
    """Run only the WhatsApp simulator: a phone in the browser and the Graph API behind it.

    Point a Parley at it with WHATSAPP_GRAPH_URL=http://127.0.0.1:8100.
    """
    import runpy
    import sys

    sys.argv = [
        "local.simulator", "--host", host, "--port", str(port), "--data-dir", data_dir,
        "--temporal-ui-url", temporal_ui_url,
    ]  # fmt: skip
    runpy.run_module("local.simulator", run_name="__main__")


def _settings(process: str) -> "Settings":
    """Settings and logging of a process; without valid settings, one sentence each and exit 2."""
    from settings import SettingsError, load_settings
    from telemetry import configure_logging

    try:
        settings = load_settings()
        settings.require_secret_keys()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    configure_logging(
        level=settings.parley_log_level, output=settings.parley_log_format, process=process
    )
    return settings


def main() -> None:
    app()


if __name__ == "__main__":
    main()
