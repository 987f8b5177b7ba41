"""The application: images in, found faces and an honest table out."""

from importlib.util import find_spec
from pathlib import Path


def hidden_packages() -> list[str]:
    """One line for each of our packages that another one of the same name hides."""
    ours = Path(__file__).resolve().parents[1]
    lines = []
    for name in ("data", "gflmser"):
        spec = find_spec(name)
        folder = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
        if folder != ours:
            where = spec.origin if spec else "nowhere"
            lines.append(
                f"{where} hides sr-pipeline's package `{name}`: run elsewhere, or rename it"
            )
    return lines


if _hidden := hidden_packages():
    raise ImportError("; ".join(_hidden))
