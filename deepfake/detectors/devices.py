"""What onnxruntime runs a network on: an NVIDIA card where its package and a card are there, else the processor."""

import logging
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)

CUDA: Final = "CUDAExecutionProvider"
CPU: Final = "CPUExecutionProvider"
# TensorFloat-32 rounds to 10 bits: a score should not depend on the machine.
CUDA_OPTIONS: Final = {"use_tf32": "0"}
NO_CARD: Final = (
    "onnxruntime-gpu is installed, but no graphics card can be used: there is none, or its driver is missing or too "
    "old; the classifier runs on the processor"
)


def open_session(path: Path, options: Any) -> Any:
    """Return a session of a network, on the card where it can be used. Raises what onnxruntime raises."""
    import onnxruntime

    if may_use_card():
        with redirect_stdout(sys.stderr):  # where results go, it prints what it does not find
            onnxruntime.preload_dlls()  # pip puts NVIDIA's libraries where the system does not look for them
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=[(CUDA, CUDA_OPTIONS), CPU])
        except Exception:  # onnxruntime's errors have no common base
            logger.warning(NO_CARD, exc_info=True)
        else:
            if session.get_providers()[0] != CUDA:  # where it finds no card or driver, it says so on stderr only
                logger.warning(NO_CARD)
            return session
    return onnxruntime.InferenceSession(str(path), options, providers=[CPU])


def may_use_card() -> bool:
    """Return whether the onnxruntime that is installed is the one for cards. Whether there is a card that it can use
    shows when it opens a session."""
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()


def device_name(session: Any) -> str:
    """Return what a session runs on: "CPU" or "GPU (CUDA)"."""
    return "GPU (CUDA)" if session.get_providers()[0] == CUDA else "CPU"
