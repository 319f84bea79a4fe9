"""The radial power spectrum of a face, and how much it holds at high frequencies."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.video.info import Image

SPECTRUM_BINS = 64
# Centers of the bins, cycles per pixel of the clip.
FREQUENCIES: Final = ((np.arange(SPECTRUM_BINS) + 0.5) / (2 * SPECTRUM_BINS)).astype(np.float32)
LEVEL_BAND = (0.04, 0.16)  # cycles per pixel: where natural pictures follow a power law and codecs keep it
HIGH_BAND = (0.30, 0.45)  # what upsampling leaves empty or fills with its grid
MIN_SIDE_PX = 48
MAX_SIDE_PX = 320
FACE_CENTER = (0.5, 0.56)  # of the canonical crop: half way between brows and chin
FACE_SIDE = 0.6
_FLOOR = 1e-3  # gray levels²: far below the rounding noise of 8 bits (1/12), so that a flat picture has a logarithm
_RANGE_FILE = Path(__file__).parent / "reference" / "spectrum_range.json"


def radial_power_spectrum(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the azimuthally averaged power spectrum, f32 (64,), dB over one gray level squared per pixel.

    image: gray (h, w) or RGB (h, w, 3), 0 to 255. Its mean is removed and it is windowed (Hann, power kept), so white
    noise of variance v lies flat at 10·log10(v). Bin k holds the frequencies from k/128 to (k + 1)/128 cycles per pixel
    in all directions; NaN where a picture under about 128 px has none. Corners beyond 0.5 are left out.

    Durall, Keuper, Pfreundt, Keuper 2019, "Unmasking DeepFakes with simple features", arXiv:1911.00686.
    Raises ValueError when a side is under 2 px.
    """
    gray = _gray(image)
    height, width = gray.shape
    if min(height, width) < 2:
        raise ValueError(f"a spectrum needs at least 2×2 px, this picture has {width}×{height}")
    window, bins, weights, counts = _rings(height, width)
    power = np.abs(np.fft.rfft2((gray - gray.mean()) * window)) ** 2
    sums = np.bincount(bins, (power * weights).ravel(), SPECTRUM_BINS + 1)[:SPECTRUM_BINS]
    means: NDArray[np.float64] = np.full(SPECTRUM_BINS, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return (10 * np.log10(means + _FLOOR)).astype(np.float32)


def _gray(image: NDArray[Any]) -> NDArray[np.float32]:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return np.asarray(gray, dtype=np.float32)


@functools.lru_cache(maxsize=32)
def _rings(
    height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float32], NDArray[np.float64]]:
    """Return window (h, w), bin of each coefficient, weights that count the half that rfft2 leaves out, coefficients
    per bin. The window's power is one per pixel on average."""
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)
    window /= np.sqrt(np.sum(window**2))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    bins = np.minimum(np.floor(radius * 2 * SPECTRUM_BINS), SPECTRUM_BINS).astype(np.intp).ravel()
    weights = np.full(radius.shape, 2, np.float32)
    weights[:, 0] = 1
    if width % 2 == 0:
        weights[:, -1] = 1
    counts = np.bincount(bins, weights.ravel(), SPECTRUM_BINS + 1)[:SPECTRUM_BINS]
    return window, bins, weights, counts.astype(np.float64)


def leveled(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a spectrum, f32 (64,), dB, moved so that its mean over the level band is 0: free of contrast.

    All NaN when that band is empty.
    """
    band = spectrum[_band(LEVEL_BAND)]
    level = np.mean(band[np.isfinite(band)]) if np.isfinite(band).any() else np.nan
    return (spectrum - level).astype(np.float32)


def high_frequency_excess(spectrum: NDArray[np.float32]) -> float:
    """Return how far the high band lies above the power law of the level band, dB; NaN where a band is empty.

    spectrum: f32 (64,), dB. A spectrum that falls as a power of the frequency has 0.
    """
    low, high = _band(LEVEL_BAND), _band(HIGH_BAND)
    known = low & np.isfinite(spectrum)
    if known.sum() < 3 or not np.isfinite(spectrum[high]).any():
        return float("nan")
    slope, offset = np.polyfit(np.log10(FREQUENCIES[known]), spectrum[known].astype(np.float64), 1)
    return float(np.nanmean(spectrum[high] - (offset + slope * np.log10(FREQUENCIES[high]))))


def _band(limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (limits[0] <= FREQUENCIES) & (limits[1] > FREQUENCIES)


def face_square(image: Image, crop_to_frame: NDArray[np.float32], crop_px: int) -> Image | None:
    """Return the inner face as the frame has it, uint8 (s, s, 3): upright, not resampled; None under 48 px.

    image: RGB uint8 (H, W, 3). crop_to_frame: f32 (2, 3), of a crop of crop_px px a side. At most 320 px a side, its
    middle. A spectrum averaged over all directions does not mind that the head is tilted.
    """
    scale = float(np.hypot(crop_to_frame[0, 0], crop_to_frame[1, 0]))
    side = min(2 * round(FACE_SIDE * crop_px * scale / 2), MAX_SIDE_PX)
    center = crop_to_frame @ np.array([FACE_CENTER[0] * crop_px, FACE_CENTER[1] * crop_px, 1], np.float32)
    height, width = image.shape[:2]
    left, top = (round(float(value) - side / 2) for value in center)
    if side < MIN_SIDE_PX or left < 0 or top < 0 or left + side > width or top + side > height:
        return None
    return image[top : top + side, left : left + side]


@dataclass(frozen=True, slots=True)
class SpectrumRange:
    """Levelled spectra of real faces: f32 (64,) each, dB, the 5th, 50th and 95th percentile of n. source: what they
    were measured on; the command stands beside it in the file."""

    p5: NDArray[np.float32]
    p50: NDArray[np.float32]
    p95: NDArray[np.float32]
    n: int
    source: str


@functools.cache
def real_face_range() -> SpectrumRange:
    """Return the range of the leveled spectra of real faces."""
    stored = json.loads(_RANGE_FILE.read_text(encoding="utf-8"))
    p5, p50, p95 = (np.array(stored[name], dtype=np.float32) for name in ("p5", "p50", "p95"))
    return SpectrumRange(p5, p50, p95, stored["n"], stored["source"])


@dataclass(frozen=True, slots=True)
class SpectrumClassifier:
    """Logistic regression on leveled spectra. weights: f64 (64,), a dB. worth: its measured AUC, in words.

    When it misleads: it was fitted on one data set, and `worth` says what it is on others.
    """

    weights: NDArray[np.float64]
    bias: float
    worth: str

    def probability_fake(self, spectrum: NDArray[np.float32]) -> float:
        """Return P(fake) of a track's mean spectrum, f32 (64,), dB, were real and fake equally likely; or NaN."""
        logit = float(leveled(spectrum) @ self.weights) + self.bias
        return float(1 / (1 + np.exp(-logit)))


@functools.cache
def spectrum_classifier() -> SpectrumClassifier:
    """Return the classifier on spectra of the paper, as fitted by benchmarks/face_spectra.py: see its worth."""
    stored = json.loads(_RANGE_FILE.read_text(encoding="utf-8"))["classifier"]
    return SpectrumClassifier(np.array(stored["weights"], dtype=np.float64), stored["bias"], stored["worth"])


class SpectrumSignal(FaceSignal):
    """How much more, or less, a face holds at high frequencies than the power law of its lower ones predicts.

    Value: dB, median of a track -17 to 18 on the clips measured. The spectrum is that of the inner face as the frame
    has it, see radial_power_spectrum. Upsampling in a generator leaves too much there, and a face with weak middle
    frequencies seems to have too much: the suspicious side is the high one, as on FaceForensics++ (32 of 41 c23 fakes
    lie above their own original).

    When it misleads: compression, focus and denoising move it further than most fakes do, so clips of different origin
    cannot be compared. By benchmarks/signals.py the AUC is 0.75 [0.65, 0.91] on 50 FaceForensics++ c23 clips of nine
    people, and 0.43 [0.38, 0.49] on 444 clips of other sources, where real faces have more there than fakes.
    """

    info = SignalInfo(
        name="high_frequency_excess",
        title="Power spectrum",
        unit="dB",
        measures="How far the finest detail of the face lies above or below what its coarser detail predicts.",
        papers=(
            (
                "Durall, Keuper, Pfreundt, Keuper 2019, Unmasking DeepFakes with simple features",
                "https://arxiv.org/abs/1911.00686",
            ),
        ),
        formula=r"P(k) = 10 \log_{10} \Big\langle \big|\mathcal{F}\{w \cdot (I - \bar I)\}(u, v)\big|^2 "
        r"\Big\rangle_{\sqrt{u^2 + v^2} \,\in\, \mathrm{bin}\ k}",
        details=(
            "How much of a face is coarse and how much is fine detail: the power at each spatial frequency, the mean "
            "over all directions.",
            f"The inner face as the frame has it, upright and not resampled, in {SPECTRUM_BINS} bins up to half a "
            "cycle per pixel; its mean is removed and it is windowed (Hann).",
            f"Curves are moved so that their mean from {LEVEL_BAND[0]:g} to {LEVEL_BAND[1]:g} cycles per pixel is 0 "
            "dB: contrast does not count. The range of real faces is the 5th to the 95th percentile of "
            f"{real_face_range().n} of them.",
            f"The number over time is how far {HIGH_BAND[0]:g} to {HIGH_BAND[1]:g} cycles per pixel lie above the "
            "power law of the lower ones.",
        ),
        misleads="Compression, focus and denoising change it more than most fakes do.",
        suspicious="high",
    )

    def push(self, view: FaceView) -> float:
        """Return the high-frequency excess of the next crop, dB; NaN for a face that is small or cut off."""
        square = face_square(view.frame.image, view.crop.crop_to_frame, view.crop.image.shape[0])
        return float("nan") if square is None else high_frequency_excess(radial_power_spectrum(square))
