"""A notebook as a page: its text and its code, without stored outputs."""

from __future__ import annotations

import json
from pathlib import Path


def notebook_page(file: Path) -> str:
    """Markdown of the notebook's cells in order, and a link to the notebook itself."""
    parts = []
    for cell in json.loads(file.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    parts.append(f"[Download this notebook]({file.name})")
    return "\n\n".join(parts) + "\n"
