"""CLIP's image tower ViT-B/16 for training, in PyTorch: the LayerNorms of its last four blocks and a linear head learn.

Radford et al. 2021 (arXiv:2103.00020) for the network; Yermakov et al. 2025 (GenD, arXiv:2508.06248) for tuning nothing
but LayerNorms and a head on the L2-normalized class token. The weights come from the quantized ONNX file that the
application runs (see deepfake/detectors/MODEL_CARD.md), so that both compute the same function up to the rounding of
activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from training.edits import CLIP_MEAN

INPUT_PX: Final = 224
WIDTH: Final = 768
TOKENS: Final = (INPUT_PX // 16) ** 2 + 1  # the class token and the patches
LAYERS: Final = 12
SHARED_LAYERS: Final = 8  # of them, as they are in the values that training begins with; those above are tuned
HEADS: Final = 12
EPSILON: Final = 1e-5
HEAD_SCALE: Final = 16.0  # of the unit class token, before the head
QUICK_GELU: Final = 1.702  # x * sigmoid(1.702 x)
STD: Final = (0.26862954, 0.26130258, 0.27577711)
PREFIX: Final = "vision_model."

Tuned = dict[str, NDArray[np.float32]]  # what was learned, by the names of the ONNX file, and head.weight, head.bias


class ClipVit(nn.Module):
    """CLIP's image tower with one output, the logit of "fake".

    forward takes RGB uint8 (n, 3, 224, 224) and returns f32 (n,). Everything but the head and the LayerNorms above the
    shared layers (with none, all of them) is frozen. weights: the ONNX file of the application, its int8 matrices made
    float32. start: values of LayerNorms and head to begin with, by the names of the application's inputs; without,
    CLIP's own and zeros.
    """

    def __init__(self, weights: Path, start: Path | None = None, shared_layers: int = SHARED_LAYERS) -> None:
        super().__init__()
        self._shared_layers = shared_layers
        arrays = float_weights(weights)
        learned = [name for name in arrays if is_learned(name, shared_layers)]
        self.norms = nn.ParameterDict(
            {name.replace(".", "/"): nn.Parameter(torch.from_numpy(arrays[name].copy())) for name in learned}
        )
        self.head_weight = nn.Parameter(torch.zeros(WIDTH))
        self.head_bias = nn.Parameter(torch.zeros(1))
        for name, array in arrays.items():
            if name not in learned:
                self.register_buffer(name.replace(".", "/"), torch.from_numpy(array.copy()), persistent=False)
        for layer in range(LAYERS):  # SiLU is a kernel of its own; QuickGELU is SiLU of a scaled input
            prefix = f"encoder/layers/{layer}/mlp"
            for part in ("weight", "bias"):
                self._array(f"{prefix}/fc1/{part}").data.mul_(QUICK_GELU)
            getattr(self, f"{prefix}/fc2/weight").div_(QUICK_GELU)
        self.register_buffer("mean", torch.tensor(CLIP_MEAN)[:, None, None] * 255, persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None] * 255, persistent=False)
        if start is not None:
            self.load_tuned(start)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits f32 (n,)."""
        return self.head(self.embedding(images))

    def head(self, embeddings: Tensor) -> Tensor:
        """Return the logits f32 (n,) of class tokens f32 (n, 768)."""
        cosines = (F.normalize(embeddings.float(), dim=1) * self.head_weight).sum(dim=1)  # never in half precision
        return HEAD_SCALE * cosines + self.head_bias

    def embedding(self, images: Tensor) -> Tensor:
        """Return the class token after the last LayerNorm, f32 (n, 768). images: see forward."""
        return self.above(self.below(images))

    def below(self, images: Tensor) -> Tensor:
        """Return what enters the tuned blocks, f32 (n, TOKENS, 768), the class token first. images: see forward."""
        x = (images.float() - self.mean) / self.std
        patches = F.conv2d(x, self._array("embeddings/patch_embedding/weight"), stride=16).flatten(2).transpose(1, 2)
        positions = self._array("embeddings/position_embedding/weight")
        first = (self._array("embeddings/class_embedding") + positions[0]).expand(len(x), 1, WIDTH)
        x = self._norm("pre_layrnorm", torch.cat([first, patches + positions[1:]], dim=1))
        for layer in range(self._shared_layers):
            x = self._block(f"encoder/layers/{layer}", x, only_first=False)
        return x

    def above(self, tokens: Tensor) -> Tensor:
        """Return the class token after the last LayerNorm, f32 (n, 768), of what enters the tuned blocks, of which
        patches may be missing."""
        for layer in range(self._shared_layers, LAYERS):
            tokens = self._block(f"encoder/layers/{layer}", tokens, only_first=layer == LAYERS - 1)
        return self._norm("post_layernorm", tokens[:, 0])

    def _block(self, name: str, x: Tensor, *, only_first: bool) -> Tensor:
        normed = self._norm(f"{name}/layer_norm1", x)
        asking = normed[:, :1] if only_first else normed
        query = self._heads(self._linear(f"{name}/self_attn/q_proj", asking))
        key = self._heads(self._linear(f"{name}/self_attn/k_proj", normed))
        value = self._heads(self._linear(f"{name}/self_attn/v_proj", normed))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = (x[:, :1] if only_first else x) + self._linear(f"{name}/self_attn/out_proj", attended)
        inner = F.silu(self._linear(f"{name}/mlp/fc1", self._norm(f"{name}/layer_norm2", x)))
        return x + self._linear(f"{name}/mlp/fc2", inner)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._array(f"{name}/weight"), self._array(f"{name}/bias"))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._array(f"{name}/weight"), self._array(f"{name}/bias")
        return F.layer_norm(x, (WIDTH,), weight, bias, EPSILON)

    def _array(self, name: str) -> Tensor:
        tensor: Tensor = self.norms[name] if name in self.norms else getattr(self, name)
        return tensor

    @staticmethod
    def _heads(x: Tensor) -> Tensor:
        return x.unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2)

    def tuned(self) -> Tuned:
        """Return what was learned: f32 (768,) each, (1,) of the head's bias."""
        norms = {PREFIX + name.replace("/", "."): tensor for name, tensor in self.norms.items()}
        head = {"head.weight": self.head_weight, "head.bias": self.head_bias}
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in {**norms, **head}.items()}

    def load_tuned(self, path: Path) -> None:
        """Take over LayerNorms and head from an npz file, as tuned() gives it; what it has not, stays."""
        with np.load(path) as arrays, torch.no_grad():
            for name in (name for name in arrays if name.startswith(PREFIX)):
                self._array(name.removeprefix(PREFIX).replace(".", "/")).copy_(torch.from_numpy(arrays[name]))
            self.head_weight.copy_(torch.from_numpy(arrays["head.weight"]))
            self.head_bias.copy_(torch.from_numpy(arrays["head.bias"]))


def is_learned(name: str, shared_layers: int) -> bool:
    """Tell whether an array is tuned, by its name without "vision_model."."""
    upper = tuple(f"encoder.layers.{layer}.layer_norm" for layer in range(shared_layers, LAYERS))
    first = ("pre_layrnorm",) if shared_layers == 0 else ()
    return name.startswith((*first, *upper, "post_layernorm"))


def mean_of(runs: Sequence[Tuned]) -> Tuned:
    """Return the mean of what several runs learned."""
    return {name: np.mean([run[name] for run in runs], axis=0, dtype=np.float32) for name in runs[0]}


def float_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the quantized ONNX file in float32, by name without "vision_model."; matrices as PyTorch
    has them, (out, in). A quantized value stands for (q - zero point) * scale of its column."""
    graph = onnx.load(str(path)).graph
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    arrays = {
        name.removeprefix(PREFIX): array.astype(np.float32)
        for name, array in stored.items()
        if name.startswith(PREFIX) and array.dtype == np.float32
    }
    for node in graph.node:
        if node.op_type != "MatMulInteger" or "/vision_model/" not in node.output[0]:
            continue
        weight = node.input[1]
        scale, zero = (stored[weight.replace("_quantized", part)] for part in ("_scale", "_zero_point"))
        matrix = (stored[weight].astype(np.float32) - zero.astype(np.float32)) * scale
        name = node.output[0].removeprefix("/vision_model/").split("/MatMul")[0].replace("/", ".")
        arrays[f"{name}.weight"] = np.ascontiguousarray(matrix.T)
    return arrays
