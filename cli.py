"""The `parley` command: one entry point for every process of the product."""

import typer

app = typer.Typer(
    name="parley",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Conversational AI on WhatsApp, each conversation one durable Temporal workflow.",
)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
