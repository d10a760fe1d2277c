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


@app.command()
def api() -> None:
    """Serve the REST API and Meta's webhooks until interrupted."""
    from api.server import serve

    serve(_settings("api"))


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
