"""`sr-pipeline`: parse, call one function, print. Commands are imported only when called."""

import ast
import importlib
import importlib.util
import io
import shlex
import sys
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from data.errors import UsageError
from pipeline.environment.config_file import FOR_ALL, check_sections, defaults_for, read_config
from pipeline.environment.entry_points import entry_points_of
from pipeline.environment.messages import log_to, messages_on_stderr, noted
from pipeline.environment.signals import heed_signals, leave
from pipeline.failures import INTERRUPTED, exit_code_of

_GROUP: Final = "sr_pipeline.commands"
"""Entry points by which other packages add commands."""

_LOG_FILE: Final = "--log-file"

_COMMANDS: Final = {
    "detect": "Find faces in low-resolution images.",
    "degrade": "Make HR 64x64 and LR 16x16 images by the CASIA-WebFace protocol.",
    "upscale": "Upscale images with any upscaler.",
    "evaluate": "Score detections against ground truth.",
    "compare": "Compare upscalers on one set: tables, plots and an HTML page.",
    "report": "Write the page of a finished run again, or a PDF of it.",
    "replay": "Repeat a run and compare the hashes of its outputs.",
    "identify": "Name faces by a gallery of known people.",
    "app": "Serve a page on this machine: drop images and a gallery.",
    "train": "Train GFLmser or a rival.",
    "datasets": "Check and prepare datasets.",
    "weights": "List, verify and import weights.",
    "export": "Export a network to ONNX.",
    "calibrate": "Measure thresholds of detectors and of names.",
    "doctor": "Check the installation and say what to do.",
}


class LazyGroup(click.Group):
    """Knows the commands by name and one-line help, so that `--help` imports nothing heavy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command that is installed, in the order of a user's work."""
        return [*_COMMANDS, *sorted(entry_points_of(_GROUP))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; unknown names become an error with the nearest ones."""
        if cmd_name in _COMMANDS:
            command = importlib.import_module(f"pipeline.commands.{cmd_name}").command
        elif cmd_name in (added := entry_points_of(_GROUP)):
            module, _, attribute = added[cmd_name].partition(":")
            command = getattr(importlib.import_module(module), attribute)
        else:
            close = get_close_matches(cmd_name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        assert isinstance(command, click.Command)
        self._set_defaults(ctx, cmd_name, command)
        return command

    @staticmethod
    def _set_defaults(ctx: click.Context, name: str, command: click.Command) -> None:
        """Defaults of the configuration file for the command that is called."""
        config = ctx.obj if isinstance(ctx.obj, dict) else {}
        if not config or isinstance(command, click.Group):
            return
        by_option = {
            word.lstrip("-").replace("-", "_"): parameter.name
            for parameter in command.params
            if isinstance(parameter, click.Option) and parameter.name
            for word in parameter.opts
        }
        found = defaults_for(config, name, by_option.keys())
        ctx.default_map = {name: {by_option[key]: value for key, value in found.items()}}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            added = sorted(entry_points_of(_GROUP).items())
            lines = [(name, _first_line(value.partition(":")[0])) for name, value in added]
            formatter.write_dl([*_COMMANDS.items(), *lines])


def _first_line(module: str) -> str:
    """The first line of a module's docstring, without importing the module."""
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from pipeline.environment.provenance import version

        click.echo(f"sr-pipeline {version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--log-file",
    metavar="FILE",
    help="Append every message to FILE, with its time.",
)
def cli(debug: bool, log_file: str | None) -> None:
    """Find faces in very small images, and measure how far the result can be trusted.

    Restored images are not evidence of identity.

    \b
    Example:
      sr-pipeline detect crops/ --out found/
    """


def main(command: click.Command = cli) -> None:
    """Entry point: errors are one line on stderr; see `pipeline.failures` for the exit codes."""
    heed_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names that are no UTF-8
    given = sys.argv[1:]
    words, debug, log_file = _taken_out(given)
    started = time.monotonic()
    try:
        messages_on_stderr()
        config = read_config()
        if config:
            check_sections(config, cli.list_commands(click.Context(cli)))
        _start_log(log_file, config, given)
        code = command.main(words, standalone_mode=False, obj=config)
    except (Exception, KeyboardInterrupt) as error:
        code = exit_code_of(error, debug=debug)
    code = code if isinstance(code, int) else 0
    noted(f"exit code {code} after {time.monotonic() - started:.1f} s")
    if code == INTERRUPTED:
        leave(code)
    sys.exit(code)


def _taken_out(words: list[str]) -> tuple[list[str], bool, str | None]:
    """The words without `--debug` and `--log-file`, which may stand on either side of a command."""
    end = words.index("--") if "--" in words else len(words)
    kept: list[str] = []
    debug, log_file = False, None
    head = iter(words[:end])
    for word in head:
        name, equals, value = word.partition("=")
        if word == "--debug":
            debug = True
        elif name == _LOG_FILE:
            log_file = value if equals else next(head, "")
        else:
            kept.append(word)
    return [*kept, *words[end:]], debug, log_file


def _start_log(named: str | None, config: dict[str, dict[str, Any]], words: list[str]) -> None:
    """Open the log file of the command line, else of the file of defaults, else none."""
    path = config.get(FOR_ALL, {}).get("log_file") if named is None else named
    if path is None:
        return
    if not isinstance(path, str) or not path.strip():
        raise UsageError(f"{_LOG_FILE} needs the name of a file")
    log_to(Path(path))
    from pipeline.environment.provenance import version

    noted(f"sr-pipeline {version()} in {Path.cwd()}: {shlex.join(words)}")
