"""CLIP's image tower ViT-B/16 for training, in PyTorch: its LayerNorms, a linear head and, where asked for, its biases
learn.

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

INPUT_PX: Final = 224
WIDTH: Final = 768
LAYERS: Final = 12
HEADS: Final = 12
EPSILON: Final = 1e-5
HEAD_SCALE: Final = 16.0  # of the unit class token, before the head
QUICK_GELU: Final = 1.702  # x * sigmoid(1.702 x)
MEAN: Final = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, RGB in [0, 1]
STD: Final = (0.26862954, 0.26130258, 0.27577711)
PREFIX: Final = "vision_model."

Tuned = dict[str, NDArray[np.float32]]  # what was learned, by the names of the ONNX file, and head.weight, head.bias


class ClipVit(nn.Module):
    """CLIP's image tower with one output, the logit of "fake".

    forward takes RGB uint8 (n, 3, 224, 224) and returns f32 (n,). Everything but the LayerNorms, the biases where they
    are asked for, and the head is frozen. weights: the ONNX file of the application, its int8 matrices made float32.
    """

    def __init__(self, weights: Path, *, biases: bool = False) -> None:
        super().__init__()
        arrays = float_weights(weights)
        learned = [
            name for name in arrays
            if any(part in name for part in ("layer_norm", "layernorm", "layrnorm")) or (biases and "bias" in name)
        ]  # fmt: skip
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
                self._fixed(f"{prefix}/fc1/{part}").data.mul_(QUICK_GELU)
            getattr(self, f"{prefix}/fc2/weight").div_(QUICK_GELU)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None] * 255, persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None] * 255, persistent=False)

    def forward(self, images: Tensor, keep: float = 1.0) -> Tensor:
        """Return the logits f32 (n,). keep: share of the picture's patches that are looked at, a random choice for
        each picture (in training only: it costs as much less)."""
        return self.head(self.embedding(images, keep))

    def head(self, embeddings: Tensor) -> Tensor:
        """Return the logits f32 (n,) of class tokens f32 (n, 768)."""
        cosines = (F.normalize(embeddings.float(), dim=1) * self.head_weight).sum(dim=1)  # never in half precision
        return HEAD_SCALE * cosines + self.head_bias

    def embedding(self, images: Tensor, keep: float = 1.0) -> Tensor:
        """Return the class token after the last LayerNorm, f32 (n, 768). images, keep: see forward."""
        x = (images.float() - self.mean) / self.std
        patches = F.conv2d(x, self._fixed("embeddings/patch_embedding/weight"), stride=16).flatten(2).transpose(1, 2)
        positions = self._fixed("embeddings/position_embedding/weight")
        patches = patches + positions[1:]
        if keep < 1:
            kept = round(patches.shape[1] * keep)
            chosen = torch.rand(patches.shape[:2], device=patches.device).argsort(dim=1)[:, :kept]
            patches = torch.gather(patches, 1, chosen[..., None].expand(-1, -1, WIDTH))
        first = (self._fixed("embeddings/class_embedding") + positions[0]).expand(len(x), 1, WIDTH)
        x = self._norm("pre_layrnorm", torch.cat([first, patches], dim=1))
        for layer in range(LAYERS):
            x = self._block(f"encoder/layers/{layer}", x, only_first=layer == LAYERS - 1)
        return self._norm("post_layernorm", x[:, 0])

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
        return F.linear(x, self._fixed(f"{name}/weight"), self._fixed(f"{name}/bias"))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.norms[f"{name}/weight"], self.norms[f"{name}/bias"]
        return F.layer_norm(x, (WIDTH,), weight, bias, EPSILON)

    def _fixed(self, name: str) -> Tensor:
        tensor: Tensor = self.norms[name] if name in self.norms else getattr(self, name)
        return tensor

    @staticmethod
    def _heads(x: Tensor) -> Tensor:
        return x.unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2)

    def tuned(self) -> Tuned:
        """Return what was learned: f32 (768,) each, but (3072,) of inner biases and (1,) of the head's."""
        arrays = {
            PREFIX + name.replace("/", "."): tensor.detach().cpu().numpy() / _inner_scale(name)
            for name, tensor in self.norms.items()
        }
        head = {"head.weight": self.head_weight.detach().cpu().numpy().copy()}
        return {**arrays, **head, "head.bias": self.head_bias.detach().cpu().numpy().copy()}

    def load_tuned(self, path: Path) -> None:
        """Take over what another run learned: an npz file as tuned() gives it."""
        with np.load(path) as arrays, torch.no_grad():
            for name, parameter in self.norms.items():
                stored = PREFIX + name.replace("/", ".")
                if stored in arrays:  # a run that tuned fewer of them left the others as they were
                    parameter.copy_(torch.from_numpy(arrays[stored] * _inner_scale(name)))
            self.head_weight.copy_(torch.from_numpy(arrays["head.weight"]))
            self.head_bias.copy_(torch.from_numpy(arrays["head.bias"]))


def mean_of(runs: Sequence[Tuned], base: Path) -> Tuned:
    """Return the mean of what several runs learned. One that did not tune a bias counts with CLIP's own."""
    names = sorted(set().union(*runs))
    own = {PREFIX + name: array for name, array in float_weights(base).items()}
    return {
        name: np.mean([run[name] if name in run else own[name] for run in runs], axis=0, dtype=np.float32)
        for name in names
    }


def _inner_scale(name: str) -> np.float32:
    """What a parameter is multiplied by in here, so that QuickGELU is SiLU."""
    return np.float32(QUICK_GELU if name.endswith("mlp/fc1/bias") else 1)


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
