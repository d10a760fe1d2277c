"""The `parley` command: one entry point for every process of the product."""

import typer

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


def main() -> None:
    app()


if __name__ == "__main__":
    main()
