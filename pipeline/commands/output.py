"""How a command tells its result: as JSON, and by its exit code. Imports nothing heavy."""

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def exit_code(*, failed: int, interrupted: bool) -> int:
    """0 all done, 1 some pictures failed, 130 interrupted."""
    return 130 if interrupted else 1 if failed else 0
