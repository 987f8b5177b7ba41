"""The page of the training configuration, made from the schema's own dataclasses."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

_INTRO = """# Configuration

`sr-pipeline train CONFIG.toml` reads these keys. This page is made from the schema that checks
them. An unknown key is an error that names the nearest known one.

- `--set key=value` overrides one value: `--set training.batch=64`.
- `base = "FILE"` builds on another file; its path is relative to the file that names it.
- `method = "NAME"` chooses what is trained; without it, GFLmser.
- The shipped files are in `gflmser/configs` and `benchmarks/rivals`.
"""


def configuration_page() -> str:
    """Markdown with a table of keys for each method's configuration and every table below it."""
    from pipeline.methods import find_method, method_names

    parts = [_INTRO]
    shown: set[type[Any]] = set()
    for name in method_names():
        parts.append(f"## {name}\n")
        parts += _tables(find_method(name).config, "", shown)
    return "\n".join(parts)


def _tables(schema: type[Any], at: str, shown: set[type[Any]]) -> Iterator[str]:
    """A table for `schema`, then one for each dataclass among its fields that is not in `shown`."""
    yield f"### {f'[{at}]' if at else 'Top level'}\n"
    yield _first_paragraph(schema)
    yield "| key | type | default | meaning |\n| --- | --- | --- | --- |"
    hints, notes = get_type_hints(schema), _field_notes(schema)
    below: list[tuple[type[Any], str]] = []
    for field in dataclasses.fields(schema):
        kind = hints[field.name]
        path = f"{at}.{field.name}" if at else field.name
        inner = _dataclass_in(kind)
        if inner is not None and inner not in shown:
            shown.add(inner)
            below.append((inner, path))
        cells = (f"`{field.name}`", _type(kind), _default(field), notes.get(field.name, ""))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    for inner, path in below:
        yield from _tables(inner, path, shown)


def _dataclass_in(kind: Any) -> type[Any] | None:  # noqa: ANN401 - a type hint
    """The dataclass that `kind` is or holds, if any."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind
    for inner in get_args(kind):
        found = _dataclass_in(inner)
        if found is not None:
            return found
    return None


def _type(kind: Any) -> str:  # noqa: ANN401
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        args = get_args(kind)
        inner = _type(args[0])
        return f"list of {inner}" if args[1:] == (Ellipsis,) else f"{len(args)} × {inner}"
    if _dataclass_in(kind) is not None:
        return "table"
    return f"`{getattr(kind, '__name__', kind)}`"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`" if field.default != () else "empty"
    if field.default_factory is not dataclasses.MISSING:
        return "its own defaults"
    return "required"


def _first_paragraph(schema: type[Any]) -> str:
    return " ".join(inspect.cleandoc(schema.__doc__ or "").split("\n\n")[0].split()) + "\n"


def _field_notes(schema: type[Any]) -> dict[str, str]:
    """Field name -> the string that stands below it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(schema))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            notes[field.target.id] = " ".join(str(after.value.value).split())
    return notes
