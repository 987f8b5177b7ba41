"""Makes the weights of an ONNX model constants, and fills a graph that has none, without `onnx`.

A file that lists its weights among its inputs lets a caller replace them. So onnxruntime neither
folds them nor lays them out for the processor, and CenterFace takes two to four times as long.
The remedy is that of onnxruntime's own script `remove_initializer_from_input.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

_GRAPH: Final = 7
_INITIALIZER: Final = 5
_INPUT: Final = 11
_NAME_OF_INITIALIZER: Final = 8
_NAME_OF_INPUT: Final = 1
_RAW_DATA: Final = 9
_METADATA: Final = 14
_KEY: Final = 1
_VALUE: Final = 2
_LENGTH: Final = 2
"""Wire type of Protocol Buffers for fields that begin with their length."""
_FIXED: Final = {1: 8, 5: 4}

Field = tuple[int, bytes, bytes]
"""Number of a field, its content (empty for numbers), and all its bytes."""


def with_constant_weights(model: bytes) -> bytes:
    """The model without those inputs that have a value in the file; its results stay the same.

    Raises ValueError, IndexError or StopIteration for bytes that are no ONNX model.
    """
    return b"".join(
        _delimited(_GRAPH, _without_weights(content)) if number == _GRAPH else raw
        for number, content, raw in _fields(model)
    )


def with_weights(model: bytes, weights: Mapping[str, bytes]) -> bytes:
    """The model whose initialisers have the bytes in `weights`, little-endian, by their names.

    Initialisers that are not named keep their own. Raises KeyError for a name that no initialiser
    has, and what `with_constant_weights` raises for bytes that are no ONNX model.
    """
    left = dict(weights)
    filled = b"".join(
        _delimited(_GRAPH, b"".join(_filled(content, left))) if number == _GRAPH else raw
        for number, content, raw in _fields(model)
    )
    if left:
        raise KeyError(min(left))
    return filled


def initialisers(model: bytes) -> frozenset[str]:
    """The names of the constants of a model."""
    return frozenset(
        _text(content, _NAME_OF_INITIALIZER).decode()
        for number, graph, _ in _fields(model)
        if number == _GRAPH
        for field, content, _ in _fields(graph)
        if field == _INITIALIZER
    )


def metadata(model: bytes) -> dict[str, str]:
    """The texts that a model holds about itself, by their keys."""
    entries = (content for number, content, _ in _fields(model) if number == _METADATA)
    return {_text(one, _KEY).decode(): _text(one, _VALUE).decode() for one in entries}


def _filled(graph: bytes, weights: dict[str, bytes]) -> Iterator[bytes]:
    """The fields of a graph; what is used is taken out of `weights`."""
    for number, content, raw in _fields(graph):
        data = None
        if number == _INITIALIZER:
            data = weights.pop(_text(content, _NAME_OF_INITIALIZER).decode(), None)
        if data is None:
            yield raw
        else:
            yield _delimited(_INITIALIZER, content + _delimited(_RAW_DATA, data))


def _without_weights(graph: bytes) -> bytes:
    parts = list(_fields(graph))
    weights = {
        _text(part, _NAME_OF_INITIALIZER) for number, part, _ in parts if number == _INITIALIZER
    }
    return b"".join(
        raw
        for number, content, raw in parts
        if number != _INPUT or _text(content, _NAME_OF_INPUT) not in weights
    )


def _text(message: bytes, wanted: int) -> bytes:
    return next(content for number, content, _ in _fields(message) if number == wanted)


def _fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        kind = key & 7
        content = b""
        if kind == 0:
            _, at = _varint(message, at)
        elif kind == _LENGTH:
            length, at = _varint(message, at)
            content, at = message[at : at + length], at + length
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError(f"no field of Protocol Buffers has the type {kind}")
        yield key >> 3, content, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _delimited(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _LENGTH) + _number(len(content)) + content


def _number(value: int) -> bytes:
    made = bytearray()
    while value >= 128:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])
