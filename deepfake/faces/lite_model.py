"""LiteModel: a network in a .tflite file, run by LiteRT."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_SHAPES: Final = 16  # of inputs, each with buffers of its own: more than a search has pictures


class LiteModel:
    """A network that takes one array and gives several, f32, run by LiteRT in one thread.

    Inputs of several shapes each have an interpreter, so that none is set up anew in turn; the latest 16 are kept.
    An instance may be shared: calls from several threads take turns.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raises OSError."""
        self._content = path.read_bytes()
        self._interpreters: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return what the network makes of one picture, f32 (1, height, width, 3): its outputs, the smallest first."""
        with self._lock:
            interpreter = self._interpreter(values.shape)
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
            interpreter.invoke()
            outputs = [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]
        return sorted(outputs, key=lambda output: output.size)

    def _interpreter(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._interpreters:
            if len(self._interpreters) == MAX_SHAPES:
                self._interpreters.popitem(last=False)
            self._interpreters[shape] = self._set_up(shape)
        self._interpreters.move_to_end(shape)
        return self._interpreters[shape]

    def _set_up(self, shape: tuple[int, ...]) -> Any:
        from ai_edge_litert.interpreter import Interpreter  # only who looks for faces waits

        interpreter = Interpreter(model_content=self._content, num_threads=1)
        place = interpreter.get_input_details()[0]
        if tuple(place["shape"]) != shape:
            interpreter.resize_tensor_input(place["index"], shape)
        interpreter.allocate_tensors()
        return interpreter
