"""What the Methods page says of each measurement, and of the papers that the project began with."""

from dataclasses import dataclass

from deepfake.comparison import MIN_PAIR_SIMILARITY
from deepfake.comparison.findings import SHIFT_S
from deepfake.comparison.fit import VIEWING_SIDE_PX
from deepfake.faces.detection import HAAR_SCALE_FACTOR, MTCNN_SEARCH_WIDTH_PX, ONET_MIN_CONFIDENCE
from deepfake.pipeline import CROP_SIZE_PX
from deepfake.signals.similarity import CUT_THRESHOLD, DROP_MIN_SIGMAS, DROP_WINDOW
from deepfake.verdict import MIN_VERDICT_FRAMES, RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY


@dataclass(frozen=True, slots=True)
class Method:
    """One measurement. measures: what, in words. formula: LaTeX, or None. details: how it is done here. misleads: when
    its answer is wrong. papers: (citation, address)."""

    title: str
    measures: str
    formula: str | None
    details: tuple[str, ...]
    misleads: str
    papers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """One of the six papers that the notebook names. built: what of it is in this version; missing: what is not."""

    citation: str
    address: str
    says: str
    built: str
    missing: str


SSIM_PAPER = (
    "Wang, Bovik, Sheikh, Simoncelli 2004, Image quality assessment",
    "https://doi.org/10.1109/TIP.2003.819861",
)
SSIM_FORMULA = (
    r"\mathrm{SSIM}(x, y) = \frac{(2\mu_x\mu_y + C_1)(2\sigma_{xy} + C_2)}"
    r"{(\mu_x^2 + \mu_y^2 + C_1)(\sigma_x^2 + \sigma_y^2 + C_2)}, \quad C_i = (255\,K_i)^2"
)

METHODS = (
    Method(
        "Similarity of successive frames",
        "How much of the structure of a picture is still there in the next one: 1 for two equal frames, less the "
        "more edges and texture change. A flicker is a short, deep dip.",
        SSIM_FORMULA,
        (
            "Means μ, variances σ² and the covariance are taken under a Gaussian window of 11×11 px with σ = 1.5 "
            "around each pixel; K₁ = 0.01, K₂ = 0.03; the mean over all pixels where the window fits, and over red, "
            "green, blue.",
            "At full size, every frame. Held to scikit-image's implementation in the tests: equal within 0.0001.",
        ),
        "A moving camera, a cut, a flash, changing light and a lively scene lower it as flicker does. A fake that is "
        "wrong in every frame in the same way leaves no trace in it.",
        (SSIM_PAPER,),
    ),
    Method(
        "Similarity of successive faces",
        f"The same measure between crops of {CROP_SIZE_PX}×{CROP_SIZE_PX} px of one person's face. The crop follows "
        "the face, so motion of the head counts for little and change within the face for much.",
        r"s_t = \mathrm{SSIM}\left(F_{t-1}\!\circ T_{t-1},\; F_t\circ T_t\right)",
        (
            "T is the similarity transform (turn, scale, shift) that lays five landmarks on a canonical face, by "
            "least squares, its geometry smoothed over neighbouring frames.",
        ),
        "Speech, a smile, a hand before the face and a turn of the head lower it. A small or blurred face has little "
        "structure that could change, and looks steadier than it is.",
        (
            SSIM_PAPER,
            ("Umeyama 1991, Least-squares estimation of transformation parameters", "https://doi.org/10.1109/34.88573"),
        ),
    ),
    Method(
        "Drops and cuts",
        "Which dips of a curve are worth a look, and which are only the beginning of another scene.",
        r"d_t = \operatorname{median}(s_{t-12},\dots,s_{t+12}) - s_t \;>\; "
        rf"{DROP_MIN_SIGMAS:g} \cdot 1.4826 \cdot \operatorname{{MAD}}(d)",
        (
            f"A drop is a local minimum that lies well below the median of the {DROP_WINDOW} values around it.",
            f"A cut is a change of at least {CUT_THRESHOLD:g} in the mean of hue, saturation and value of a reduced "
            "picture that also stands out from its neighbours, as in PySceneDetect; a picture that comes back at "
            "once was a flash.",
        ),
        "Fades and dissolves are no cuts here. A clip that flickers all the time has no drop that stands out.",
        (("PySceneDetect, content-aware detection", "https://www.scenedetect.com/docs/latest/api/detectors.html"),),
    ),
    Method(
        "Similarity of a fake to its original",
        "On the Compare page: how alike the two are at the same moment, on the whole frame and on each face. Where "
        "the two differ is where something was changed.",
        r"c_t = \mathrm{SSIM}\left(\text{fake}(t),\; \text{original}(t)\right)",
        (
            f"The frames nearest in time are compared, the whole picture averaged down to about {VIEWING_SIDE_PX} px "
            "on its shorter side, as Wang advises for pictures seen as a whole; the face at the same place in both.",
            f"Below a median of {MIN_PAIR_SIMILARITY:g} the page says that the two do not belong together, and also "
            f"where they are no more alike at the same moment than {SHIFT_S:g} s apart.",
        ),
        "Another compression, grain, a logo or a crop differ as well, and not only where a face was changed.",
        (SSIM_PAPER, ("Wang, notes on SSIM and its suggested use", "https://ece.uwaterloo.ca/~z70wang/research/ssim/")),
    ),
    Method(
        "Faces and persons",
        "Where the faces are in each frame, and which of them is the same person as in the frame before.",
        None,
        (
            f"MTCNN: three small networks one after the other, on a copy of the frame {MTCNN_SEARCH_WIDTH_PX} px "
            "wide, at intervals, after a cut and when a face was lost. In between only the last of the three looks "
            f"again at each face; below a confidence of {ONET_MIN_CONFIDENCE:g} the face counts as gone.",
            "Haar cascade: OpenCV's frontal-face cascade with the notebook's settings (scale factor "
            f"{HAAR_SCALE_FACTOR:g}, three neighbours), without confidence and landmarks.",
            "A person is followed by place, not recognised: someone who leaves and comes back elsewhere is a new "
            "person.",
        ),
        "Profiles, masks, darkness and faces narrower than about 40 px in a 1080p frame are missed; Haar also sees "
        "faces in curtains and ties.",
        (
            (
                "Zhang, Zhang, Li, Qiao 2016, Multi-task cascaded convolutional networks",
                "https://arxiv.org/abs/1604.02878",
            ),
            ("Viola, Jones 2001, Rapid object detection", "https://doi.org/10.1109/CVPR.2001.990517"),
        ),
    ),
)

RULE_FORMULA = (
    r"a = \tfrac{1}{2}\,(\max s - \min s), \qquad \text{verdict} = \begin{cases}"
    rf"\text{{REAL}} & a < {RULE_MAX_AMPLITUDE:g},\ \min s > {RULE_MIN_SIMILARITY:g}\\"
    rf"\text{{FAKE}} & a < {RULE_MAX_AMPLITUDE:g},\ \min s \le {RULE_MIN_SIMILARITY:g}\\"
    r"\text{MAYBE FAKE} & \text{otherwise}\end{cases}"
)
RULE_TEXT = (
    "s are the similarities of successive whole frames. The verdict of this version is this rule and nothing else. "
    "It was made from four clips by eye; it measures how steady a picture is, not whether a face is genuine. It "
    f"gives no probability. Without a face, or with fewer than {MIN_VERDICT_FRAMES + 1} frames, the verdict is "
    "INCONCLUSIVE."
)

FLAWS = (
    ("A drop is looked for with argmax", "argmax finds the most similar pair. A drop is a minimum; ours lists minima."),
    ("Half the range is called the median", "(max − min)/2 is an amplitude. We call it that, and compute the same "
     "number."),
    ("The grid of frames labels 0, 1, 2, …", "It shows frames 0, 1, 2, … where 0, step, 2·step are meant. Ours shows "
     "the frames that its numbers and times say."),
    ("The zoomed face jumps", "Each frame's first Haar box is cut out, whoever it belongs to and however large it is. "
     "Here a crop follows one person and keeps its size."),
    ("All frames are held in memory", "Ten seconds of 1080p take two gigabytes. Here a frame is read once, used and "
     "dropped."),
)  # fmt: skip

TF_ROWS = (
    ("tf.image.ssim", "0.98556"),
    ("mean of TensorFlow's own index map", "0.98099"),
    ("scikit-image", "0.98099"),
)
TF_TEXT = (
    "The notebook called `tf.image.ssim`. On full 1080p frames on the CPU that function returned another number than "
    "the mean of its own index map, off by 0.0046, while at 64 px the two agree. With a threshold at 0.92 such an "
    "offset can turn a verdict. We hold to scikit-image's definition."
)

PAPERS = (
    Paper(
        "Durall, Keuper, Pfreundt, Keuper 2019, Unmasking DeepFakes with simple features",
        "https://arxiv.org/abs/1911.00686",
        "Generated faces have too much or too little power at high spatial frequencies; the azimuthal mean of the "
        "power spectrum and a simple classifier tell them from photographs.",
        "Nothing yet.",
        "The spectrum and the classifier.",
    ),
    Paper(
        "Rössler, Cozzolino, Verdoliva, Riess, Thies, Nießner 2019, FaceForensics++",
        "https://arxiv.org/abs/1901.08971",
        "A thousand videos manipulated in several ways and compressed at several rates, and how well people and "
        "networks recognise them.",
        "Its folder layout is read on the Data set page, each fake finds its original, and the square around a "
        "face's box is 1.3 times as large as the box, as in its baseline.",
        "Its classifiers, XceptionNet among them.",
    ),
    Paper(
        "Li, Chang, Lyu 2018, In ictu oculi: exposing AI generated fake face videos by detecting eye blinking",
        "https://arxiv.org/abs/1806.02877",
        "People in early fakes hardly blink, because photographs of closed eyes are rare; a recurrent network "
        "follows the state of the eye.",
        "Nothing on the pages yet.",
        "Openness of the eyes over time, blinks a minute.",
    ),
    Paper(
        "Nguyen, Yamagishi, Echizen 2019, Use of a capsule network to detect fake images and videos",
        "https://arxiv.org/abs/1910.12467",
        "A small capsule network on features of VGG-19 tells fake faces from real ones and shows which parts decide.",
        "Nothing yet.",
        "The network.",
    ),
    Paper(
        "Li, Lyu 2018, Exposing DeepFake videos by detecting face warping artifacts",
        "https://arxiv.org/abs/1811.00656",
        "A synthesised face has a fixed low resolution and is warped into the frame; the trace of that is learned "
        "from real pictures whose face was blurred and warped, without any fakes.",
        "The built-in fakes carry such flaws, to be looked at.",
        "A classifier that recognises them.",
    ),
    Paper(
        "Agarwal, Varshney 2019, Limits of deepfake detection: a robust estimation viewpoint",
        "https://arxiv.org/abs/1905.03493",
        "Detection as a test of hypotheses: the better the generator, the nearer the least possible error comes to "
        "chance.",
        "There is nothing to build, only a consequence: a verdict may be INCONCLUSIVE, and says what it cannot tell.",
        "Bounds on the error for a given clip.",
    ),
)
