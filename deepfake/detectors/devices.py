"""What onnxruntime runs a network on: an NVIDIA card where its package and a card are there, else the processor."""

import logging
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)

CUDA: Final = "CUDAExecutionProvider"
CPU: Final = "CPUExecutionProvider"
# TensorFloat-32 rounds to 10 bits: a score should not depend on the machine.
CUDA_OPTIONS: Final = {"use_tf32": "0"}


def open_session(path: Path, options: Any) -> Any:
    """Return a session of a network, on the card where it can be used. Raises what onnxruntime raises."""
    import onnxruntime

    if _has_cuda():
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=[(CUDA, CUDA_OPTIONS), CPU])
        except Exception:  # onnxruntime's errors have no common base
            logger.warning("the graphics card cannot be used; %s runs on the processor", path.name, exc_info=True)
    return onnxruntime.InferenceSession(str(path), options, providers=[CPU])


def device_name(session: Any | None = None) -> str:
    """Return what a session runs on, or would run on: "CPU" or "GPU (CUDA)"."""
    on_card = _has_cuda() if session is None else session.get_providers()[0] == CUDA
    return "GPU (CUDA)" if on_card else "CPU"


def _has_cuda() -> bool:
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()
