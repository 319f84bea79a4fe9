"""The three networks of MTCNN as LiteRT files, from the weights in the mtcnn package.

    python -m training.mtcnn_networks

Writes pnet.tflite, rnet.tflite and onet.tflite into deepfake/faces/weights/. The numbers are the package's, float32;
tests/faces/test_cascade.py holds them equal.
"""

from typing import Final

import tensorflow as tf
from mtcnn import MTCNN

from deepfake.faces.cascade import NETWORKS

SIDES_PX: Final = (None, 24, 48)  # of each network's input; the first takes pictures of any size


def main() -> None:
    """Write the three files."""
    package = MTCNN()
    for stage, (path, side) in enumerate(zip(NETWORKS, SIDES_PX, strict=True), start=1):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(converted(package.get_stage(stage_id=stage).model, side))
        print(f"{path}: {path.stat().st_size} bytes")


def converted(network: tf.keras.Model, side: int | None) -> bytes:
    """Return a network that is shown one picture at a time, f32 (1, side, side, 3), as a LiteRT file."""
    shape = tf.TensorSpec((1, side, side, 3), tf.float32)
    function = tf.function(lambda picture: tuple(network(picture)), input_signature=[shape])
    content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()]).convert()
    return content


if __name__ == "__main__":
    main()
