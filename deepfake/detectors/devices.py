"""What onnxruntime runs a network on: an NVIDIA card where its package and a card are there, else the processor."""

from pathlib import Path
from typing import Any, Final

CUDA: Final = "CUDAExecutionProvider"
CPU: Final = "CPUExecutionProvider"
# TensorFloat-32 rounds to 10 bits: a score should not depend on the machine.
CUDA_OPTIONS: Final = {"use_tf32": "0"}


def provider_choices() -> tuple[list[Any], ...]:
    """Return the providers to try, one list after the other."""
    import onnxruntime

    on_cpu: list[Any] = [CPU]
    if CUDA not in onnxruntime.get_available_providers():
        return (on_cpu,)
    return [(CUDA, CUDA_OPTIONS), CPU], on_cpu


def open_session(path: Path, options: Any) -> Any:
    """Return a session of a network on the first provider that can run it. Raises what onnxruntime raises."""
    import onnxruntime

    *better, last = provider_choices()
    for providers in better:
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception:  # a card that cannot be used is no reason to fail
            continue
    return onnxruntime.InferenceSession(str(path), options, providers=last)


def device_name(session: Any | None = None) -> str:
    """Return what a session runs on, or would run on: "CPU" or "GPU (CUDA)"."""
    providers = provider_choices()[0] if session is None else session.get_providers()
    first = providers[0][0] if isinstance(providers[0], tuple) else providers[0]
    return "GPU (CUDA)" if first == CUDA else "CPU"
