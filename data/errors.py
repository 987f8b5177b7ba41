"""What can go wrong, each with a message that fits on one line."""

from data.safe_text import one_line


class SrPipelineError(Exception):
    """Base of every error that a user is meant to read.

    The message is one line without control characters, whatever name of a file is in it.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


class UsageError(SrPipelineError):
    """The command was asked for something that cannot be done; exit code 2."""


class ImageError(SrPipelineError):
    """One image could not be read or written; it becomes an error row."""


class TruthError(SrPipelineError):
    """A ground-truth or manifest file is missing something."""


class ModelError(SrPipelineError):
    """A detector, an upscaler or a weight file cannot be used here."""


class OutputError(SrPipelineError):
    """The output folder cannot be written; the run stops, what was written before stays."""
