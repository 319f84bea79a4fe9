"""From a frame's own light to that of an ordinary screen: high dynamic range and wide gamut become BT.709.

Matrix (BT.601, 709, 2020) and range (full, limited) are undone by FFmpeg's scaler, by what the stream says; a stream
that does not say counts as BT.601 and limited, as in FFmpeg and OpenCV, whatever its size.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

from deepfake.video.info import Adjustment, Image

Values = NDArray[np.float64]

SDR_WHITE_NITS: Final = 203.0  # what diffuse white of a high-dynamic-range picture is graded to (ITU-R BT.2408, 2.1)
USUAL_PEAK_NITS: Final = 1000.0  # what most clips are mastered to; for those that do not say
PEAK_RANGE_NITS: Final = (SDR_WHITE_NITS, 10_000.0)
DISPLAY_GAMMA: Final = 2.4  # ITU-R BT.1886
CUBE_POINTS: Final = 33  # a side; between them FFmpeg interpolates in tetrahedra
LUT_FORMAT: Final = "gbrp16le"

PQ, HLG = int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)
# SMPTE ST 2084, and ARIB STD-B67 (both in ITU-R BT.2100-2, tables 4 and 5).
PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
HLG_GAMMA: Final = 1.2  # of the whole system at a peak of 1000 nits
LUMINANCE_2020: Final = np.array([0.2627, 0.6780, 0.0593])

# x and y of red, green, blue and white (ITU-R BT.709, BT.2020, SMPTE EG 432-1, all with D65).
CHROMATICITIES: Final = {
    int(ColorPrimaries.BT709): ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), (0.3127, 0.3290)),
    int(ColorPrimaries.BT2020): ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), (0.3127, 0.3290)),
    int(ColorPrimaries.SMPTE432): ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)),
}
PRIMARIES_NAMES: Final = {int(ColorPrimaries.BT2020): "BT.2020", int(ColorPrimaries.SMPTE432): "Display P3"}


@dataclass(frozen=True, slots=True)
class Light:
    """How a stream codes light, where it is not as on an ordinary screen. transfer, primaries: FFmpeg's numbers
    (ISO/IEC 23091-2). peak_nits: the brightest that it was made for, cd/m²."""

    transfer: int
    primaries: int
    peak_nits: float

    @classmethod
    def of_frame(cls, frame: Any) -> Self | None:
        """Return how a frame codes light, or None where its numbers can be shown as they are."""
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        if transfer in (PQ, HLG):
            known = primaries if primaries in CHROMATICITIES else int(ColorPrimaries.BT2020)
            return cls(transfer, known, _peak_nits(frame) if transfer == PQ else USUAL_PEAK_NITS)
        return cls(transfer, primaries, SDR_WHITE_NITS) if primaries in PRIMARIES_NAMES else None

    @property
    def adjustment(self) -> Adjustment:
        """Return what is changed."""
        if self.transfer in (PQ, HLG):
            name = "PQ" if self.transfer == PQ else "HLG"
            return Adjustment("tone_mapped", {"transfer": name, "peak_nits": round(self.peak_nits)})
        return Adjustment("gamut_mapped", {"primaries": PRIMARIES_NAMES[self.primaries]})

    def to_sdr(self, code: Values) -> Values:
        """Return colors as an ordinary screen codes them (BT.709, BT.1886), in [0, 1].

        High dynamic range goes through the curve of ITU-R BT.2390-11, section 5.4.1 (EETF), on luminance: up to about
        half of diffuse white (203 nits) nothing changes, above it highlights are rolled off.

        Args:
            code: f64 (n, 3), R, G, B in [0, 1] as this light codes them.
        """
        linear = self._linear(code)
        if self.transfer in (PQ, HLG):
            luminance = np.maximum(linear @ LUMINANCE_2020, 1e-6)
            linear = linear * (rolled_off(luminance, self.peak_nits) / luminance)[:, None]
        linear = linear @ _to_bt709(self.primaries).T / SDR_WHITE_NITS
        mapped: Values = np.clip(linear, 0, 1) ** (1 / DISPLAY_GAMMA)
        return mapped

    def _linear(self, code: Values) -> Values:
        """Light in nits, as an ideal display shows it."""
        if self.transfer == PQ:
            return pq_to_nits(code)
        if self.transfer == HLG:
            return hlg_to_nits(code)
        return code**DISPLAY_GAMMA * SDR_WHITE_NITS


def pq_to_nits(code: Values) -> Values:
    """Return the light of PQ values, nits. code: in [0, 1], any shape."""
    root = np.clip(code, 0, 1) ** (1 / PQ_M2)
    light: Values = 10_000 * (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)
    return light


def nits_to_pq(nits: Values | float) -> Values:
    """Return the PQ values of light. nits: at least 0, any shape."""
    root = (np.asarray(nits, np.float64) / 10_000) ** PQ_M1
    code: Values = ((PQ_C1 + PQ_C2 * root) / (1 + PQ_C3 * root)) ** PQ_M2
    return code


def hlg_to_nits(code: Values) -> Values:
    """Return the light of HLG colors on a display of 1000 nits. code: (n, 3), R, G, B in [0, 1]."""
    code = np.clip(code, 0, 1)
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - HLG_C) / HLG_A) + HLG_B) / 12)
    luminance = scene @ LUMINANCE_2020
    light: Values = USUAL_PEAK_NITS * scene * np.maximum(luminance, 1e-9)[:, None] ** (HLG_GAMMA - 1)
    return light


def rolled_off(nits: Values, peak_nits: float) -> Values:
    """Return luminance brought into what an ordinary screen shows (203 nits), nits; ITU-R BT.2390-11, section 5.4.1."""
    source_peak = nits_to_pq(peak_nits)
    value = np.minimum(nits_to_pq(nits) / source_peak, 1)
    target = float(nits_to_pq(SDR_WHITE_NITS) / source_peak)
    knee = 1.5 * target - 0.5
    if knee >= 1:
        return np.minimum(nits, SDR_WHITE_NITS)
    part = np.clip((value - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * part**3 - 3 * part**2 + 1) * knee
        + (part**3 - 2 * part**2 + part) * (1 - knee)
        + (-2 * part**3 + 3 * part**2) * target
    )
    return pq_to_nits(np.where(value < knee, value, spline) * source_peak)


class ToneMapper:
    """Turns frames of one kind of light, of any size, into RGB images for an ordinary screen."""

    def __init__(self, light: Light) -> None:
        self.light = light
        self._graph: Any = None
        self._size = (0, 0)

    def image(self, frame: Any) -> Image:
        """Return a frame as uint8 (height, width, 3), RGB."""
        if self._size != (frame.width, frame.height):
            self._build(frame)
        planar = frame.reformat(format=LUT_FORMAT)
        # The filter's clock does not matter, and frames that come out of order would end it.
        planar.pts = None
        self._graph.vpush(planar)
        mapped: Image = self._graph.vpull().to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        return mapped

    def _build(self, frame: Any) -> None:
        graph = Graph()
        planar = frame.reformat(format=LUT_FORMAT)
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=planar.format, time_base=frame.time_base
        )
        with tempfile.TemporaryDirectory() as folder:  # the filter reads the table once, when it is built
            table = Path(folder) / "light.cube"
            write_cube(table, self.light.to_sdr)
            lut = graph.add("lut3d", file=str(table), interp="tetrahedral")
            graph.link_nodes(source, lut, graph.add("buffersink")).configure()
        self._graph, self._size = graph, (frame.width, frame.height)


def write_cube(path: Path, mapping: Callable[[Values], Values]) -> None:
    """Write a function of colors as a table that FFmpeg reads (Adobe's .cube): red runs fastest."""
    steps = np.linspace(0, 1, CUBE_POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    values = mapping(np.stack([red.ravel(), green.ravel(), blue.ravel()], axis=1))
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in values)
    try:
        path.write_text(f"LUT_3D_SIZE {CUBE_POINTS}\n{rows}\n", encoding="ascii")
    except OSError as error:  # which names no file where the disk is full
        error.filename = str(path)
        raise


def _peak_nits(frame: Any) -> float:
    """The brightest pixel (MaxCLL) that a frame's metadata states, within reason."""
    for item in frame.side_data:
        if item.type == SideDataType.CONTENT_LIGHT_LEVEL:
            stated = int(np.frombuffer(bytes(item)[:4], np.uint32)[0])
            if stated:
                return float(np.clip(stated, *PEAK_RANGE_NITS))
    return USUAL_PEAK_NITS


def _to_bt709(primaries: int) -> Values:
    """The 3×3 matrix from linear R, G, B of some primaries to those of BT.709."""
    return np.linalg.solve(_to_xyz(int(ColorPrimaries.BT709)), _to_xyz(primaries)).astype(np.float64)


def _to_xyz(primaries: int) -> Values:
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in CHROMATICITIES[primaries]]).T
    colors, white = columns[:, :3], columns[:, 3]
    return (colors * np.linalg.solve(colors, white)).astype(np.float64)
