"""Files of text and XML, opened so that what is wrong with them fits on one line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from data.annotations.record import fail
from data.regular_files import read_bytes, read_text, reason

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def text(path: Path) -> str:
    """The whole file as UTF-8, without its byte-order mark; raises `TruthError`."""
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        fail(str(path), f"not UTF-8 text (byte {error.start})")
    except OSError as error:
        fail(str(path), reason(error))


def lines(path: Path) -> list[str]:
    """The lines of `text(path)`, each with its end kept."""
    return list(io.StringIO(text(path), newline=""))


def xml_root(path: Path) -> Element:
    """The root element; entities and external references are refused. Raises `TruthError`."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element | None = fromstring(read_bytes(path))
    except ParseError as error:
        fail(str(path), f"broken XML: {error}")
    except DefusedXmlException:
        fail(str(path), "the XML defines entities, which are not read")
    except (LookupError, ValueError) as error:  # an encoding that does not exist
        fail(str(path), f"broken XML: {error}")
    except RecursionError:
        fail(str(path), "broken XML: nested too deeply")
    except OSError as error:
        fail(str(path), reason(error))
    if root is None:
        fail(str(path), "broken XML: no element")
    return root
