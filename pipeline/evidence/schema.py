"""The format of evidence.json: its JSON schema, and reading a file that must follow it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from data.errors import UsageError
from data.regular_files import read_text
from data.safe_text import one_line

FILE_NAME: Final = "evidence.json"
VERSION: Final = "sr-pipeline/evidence/1"
SCHEMA_FILE: Final = Path(__file__).with_name("evidence.schema.json")
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def read_evidence(directory: Path) -> dict[str, Any]:
    """The content of `directory`/evidence.json.

    Raises `UsageError` when the file is absent, is no JSON, or breaks the schema in the parts that
    `replay` needs: types, required fields, the format of hashes.
    """
    file = directory / FILE_NAME
    if not file.is_file():
        raise UsageError(f"{directory} holds no {FILE_NAME}: name a folder that a run wrote")
    try:
        content = json.loads(read_text(file))
        problem = next(_problems(content, *_schema(), "evidence"), None)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {one_line(error)}") from error
    except RecursionError:
        raise UsageError(f"{file} cannot be read: nested too deeply") from None
    if problem:
        raise UsageError(f"{file} does not follow its schema: {one_line(problem)[:300]}")
    return dict(content)


def _schema() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The schema and the definitions in it."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema, schema["$defs"]


def _problems(
    value: object, schema: Mapping[str, Any], definitions: Mapping[str, Any], at: str
) -> Iterator[str]:
    """What breaks the schema; knows the keywords that evidence.schema.json uses."""
    import re

    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rsplit("/", 1)[-1]], **schema}
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted or []
    is_flag = isinstance(value, bool) and "boolean" not in names
    if names and (is_flag or not any(isinstance(value, _TYPES[name]) for name in names)):
        yield f"{at} is not {' or '.join(names)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}, not one of {', '.join(schema['enum'])}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{at} is not a hash of 64 hex digits"
    if isinstance(value, dict):
        yield from _object_problems(value, schema, definitions, at)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _problems(item, schema.get("items", {}), definitions, f"{at}[{number}]")


def _object_problems(
    value: Mapping[str, object], schema: Mapping[str, Any], definitions: Mapping[str, Any], at: str
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at} lacks {name!r}"
    for name, item in value.items():
        if name in properties:
            yield from _problems(item, properties[name], definitions, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at} has the unknown field {name!r}"
