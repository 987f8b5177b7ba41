"""The console script's module: worker processes import it again, so it imports nothing itself."""


def main() -> None:
    """Run `sr-pipeline`."""
    from pipeline.cli import main as run

    run()
