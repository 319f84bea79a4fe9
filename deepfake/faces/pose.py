"""How far a head is turned to a side: the yaw of a rigid head fitted to the face mesh."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.landmarks import MESH_POINTS

# The head: points of the mesh that neither jaw nor lips nor lids move, in distances between the outer corners of the
# eyes. The mean (generalized Procrustes analysis) of the meshes of 630 photographs (FFHQ, MEBeauty), made symmetric;
# upright is how these people look into the camera. x: to the subject's left; y: down;
# z: away from the camera. Pairs: right point, left point, x of the left one, y, z.
_PAIRS: Final = (
    (33, 263, 0.500, 0.013, 0.022),
    (133, 362, 0.192, 0.032, -0.041),
    (129, 358, 0.234, 0.405, -0.144),
    (116, 345, 0.695, 0.187, 0.169),
    (123, 352, 0.692, 0.327, 0.155),
    (50, 280, 0.540, 0.355, -0.033),
    (234, 454, 0.755, 0.196, 0.625),
    (127, 356, 0.766, 0.047, 0.571),
    (162, 389, 0.758, -0.108, 0.455),
    (21, 251, 0.724, -0.234, 0.311),
    (54, 284, 0.656, -0.352, 0.173),
    (103, 332, 0.549, -0.445, 0.030),
    (67, 297, 0.386, -0.506, -0.096),
    (109, 338, 0.208, -0.533, -0.169),
)
_MIDDLE: Final = (
    (10, -0.538, -0.188),
    (151, -0.374, -0.223),
    (9, -0.208, -0.245),
    (8, -0.115, -0.229),
    (168, -0.031, -0.225),
    (6, 0.057, -0.272),
    (197, 0.135, -0.326),
    (195, 0.207, -0.385),
    (5, 0.282, -0.446),
    (4, 0.374, -0.472),
    (1, 0.443, -0.447),
    (2, 0.508, -0.273),
    (94, 0.491, -0.324),
)
RIGID_POINTS: Final = (*(i for right, left, *_ in _PAIRS for i in (right, left)), *(row[0] for row in _MIDDLE))


def _head() -> NDArray[np.float64]:
    sides = [(sign * x, y, z) for _, _, x, y, z in _PAIRS for sign in (-1, 1)]
    points: NDArray[np.float64] = np.array([*sides, *((0.0, y, z) for _, y, z in _MIDDLE)])
    centered: NDArray[np.float64] = points - points.mean(axis=0)
    return centered


HEAD: Final = _head()
_HEAD_INVERSE: Final = np.linalg.pinv(HEAD)  # 3 × n: least squares against the head is one product


def head_yaw_deg(mesh: NDArray[np.float32]) -> float:
    """Return how far the head of a face mesh is turned to a side, degrees.

    The rigid head is fitted to 41 points of the mesh under weak perspective, by least squares: the nearest scaled
    rotation of the affine camera. Only positions in the picture count, not the depth that the network gives.

    Args:
        mesh: f32 (468, 2 or 3), px, as FaceMesh.landmarks returns it.

    Returns:
        The turn about the vertical: 0 looks into the camera, positive where the nose points to the right edge of the
        picture. Nodding and leaning do not count.

    Raises:
        ValueError: the mesh has another number of points.

    When it misleads: the mesh draws the hidden half of a face where it expects it, and so gives less than the true
    angle for profiles: among 93 crops looked at, full profiles were given 50 to 60 degrees, half profiles 40 to 48.

    Example:
        >>> import numpy as np
        >>> from deepfake.faces.pose import HEAD, RIGID_POINTS, head_yaw_deg
        >>> mesh = np.zeros((468, 2), np.float32)
        >>> mesh[list(RIGID_POINTS)] = 80 * HEAD[:, :2] + 200
        >>> abs(round(head_yaw_deg(mesh), 2))
        0.0
    """
    if mesh.ndim != 2 or mesh.shape[0] != MESH_POINTS:
        raise ValueError(f"a face mesh has {MESH_POINTS} points, this array is {mesh.shape}")
    points = mesh[list(RIGID_POINTS), :2].astype(np.float64)
    affine = (_HEAD_INVERSE @ (points - points.mean(axis=0))).T
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    return float(np.degrees(np.arcsin(np.clip(np.cross(rows[0], rows[1])[0], -1, 1))))
