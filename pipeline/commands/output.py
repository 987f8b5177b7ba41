"""How a command tells its result: as JSON, and by its exit code. Imports nothing heavy."""

import click

output_format = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "csv", "jsonl"]),
    default="text",
    show_default=True,
    help="Format of stdout: text, CSV with one line a face, or JSON with one line an image.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def exit_code(*, failed: int, interrupted: bool) -> int:
    """0 all done, 1 some images failed, 130 interrupted."""
    return 130 if interrupted else 1 if failed else 0
