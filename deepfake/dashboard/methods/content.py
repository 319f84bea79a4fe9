"""What the Methods page says of each measurement, and of the papers that the project began with."""

from dataclasses import dataclass

from deepfake.analysis.notebook_rule import RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY
from deepfake.analysis.quality import MAX_YAW_DEG, MIN_COVERED_SHARE, MIN_FRONTAL_SHARE
from deepfake.analysis.recompression import RATES_CRF
from deepfake.comparison.findings import MIN_PAIR_SIMILARITY, NUDGE_S, SHIFT_S
from deepfake.comparison.overlap import VIEWING_SIDE_PX
from deepfake.dashboard.signal_words import auc_sentence, side_sentence
from deepfake.detectors import Calibration, FaceClassifier, QualityLimits
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.faces.cascade import ONET_MIN_CONFIDENCE
from deepfake.faces.haar import HAAR_SCALE_FACTOR
from deepfake.faces.mtcnn import MTCNN_SEARCH_WIDTH_PX
from deepfake.faces.picture import MAX_CHANGE, MIN_SHOWN_S
from deepfake.report.facts import fact
from deepfake.signals.cuts import CUT_THRESHOLD
from deepfake.signals.drops import DROP_MIN_SIGMAS, DROP_WINDOW
from deepfake.signals.registry import FACE_SIGNALS, signal_auc
from deepfake.signals.spectrum import spectrum_classifier
from deepfake.views.attribution_clip import MAX_SCORED


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
        "Drops and cuts",
        "Which dips of a curve are worth a look, and which are only the beginning of another scene.",
        r"d_t = \operatorname{median}(s_{t-12},\dots,s_{t+12}) - s_t \;>\; "
        rf"{DROP_MIN_SIGMAS:g} \cdot 1.4826 \cdot \operatorname{{MAD}}(d)",
        (
            f"A drop is a local minimum that lies well below the median of the {DROP_WINDOW} values around it.",
            f"A cut is a change of at least {CUT_THRESHOLD:g} in the mean of hue, saturation and value of a reduced "
            "picture that also stands out from its neighbors, as in PySceneDetect; a picture that comes back at "
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
            "An excerpt is first laid where it belongs in the other clip: where both change alike from frame to frame, "
            "if the pictures there are more alike than at the beginning. One of fewer than 24 frames stays where "
            "it begins.",
            f"The frames nearest in time are compared, the whole picture averaged down to about {VIEWING_SIDE_PX} px "
            "on its shorter side, as Wang advises for pictures seen as a whole; the face at the same place in both.",
            f"Below a median of {MIN_PAIR_SIMILARITY:g} the page says that the two do not belong together. Where they "
            f"are hardly more alike at the same moment than {SHIFT_S:g} s apart, or less than {NUDGE_S:g} s apart, it "
            "says that they are not in step.",
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
            f"{HAAR_SCALE_FACTOR:g}, three neighbors), without confidence and landmarks.",
            "A person is followed by place, not recognized: someone who leaves and comes back elsewhere is a new "
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
    "A heuristic that the notebook used as its verdict. Here it stands on the tab Similarity and takes no part in the "
    "verdict. s are the similarities of successive whole frames. Its thresholds were set by eye on four clips. It "
    "measures how steady a picture is, not whether a face is real, and gives no probability."
)

P_VALUE_FORMULA = (
    r"p = m \cdot \frac{1 + \#\{\text{real clips that score at least as high}\}}{1 + \#\{\text{real clips}\}}"
)


def signal_methods() -> tuple[Method, ...]:
    """Return the signals of one face, as the registry has them, with what each was measured to tell by itself."""
    return tuple(
        Method(
            info.title,
            info.measures,
            info.formula,
            (*info.details, side_sentence(info, signal_auc(info.name)), auc_sentence(info, signal_auc(info.name))),
            info.misleads,
            info.papers,
        )
        for info in (signal.info for signal in FACE_SIGNALS)
    )


def verdict_steps(scorer: FaceClassifier) -> tuple[tuple[str, str], ...]:
    """Return how a verdict comes about that rests on a classifier: (name, text) of each step."""
    sampling, limits, calibration = scorer.sampling, scorer.limits, scorer.calibration
    return (
        ("Crops", f"Of each person up to {sampling.most} pictures of the face, evenly spread over the time in view, "
         f"eyes level and at the same place, {scorer.crop_px}×{scorer.crop_px} px."),
        ("Score", scorer.info.looks_at),
        ("Probability", "The number becomes P(fake) by a curve fitted on people who were not in the training, half of "
         "them fakes. Where fakes are rarer than that, a clip with P(fake) 0.9 is a fake less often than nine times in "
         "ten."),
        ("Pooling", "P(fake) of a person is the mean over the pictures, taken on the log-odds scale. The interval says "
         "how far that mean would move with other frames of the same clip; neighboring frames, being alike, count for "
         "less. It does not hold what the classifier gets wrong about the clip as a whole."),
        ("Quality gate", f"A face narrower than {limits.min_face_width_px:.0f} px, with edges smeared by more than "
         f"{limits.max_edge_blur_px:g} px of {BLUR_CROP_PX} px for the whole picture, seen in fewer than "
         f"{limits.min_scored_crops} pictures, or near frontal (turned by at most {MAX_YAW_DEG:g}°) "
         f"in fewer than {MIN_FRONTAL_SHARE:.0%} of its frames is not judged, and the page says why."
         f"{_cut_off(limits)}{_changed(limits)} "
         f"Nor is a clip of fewer than {limits.min_bits_per_pixel:g} bits per pixel, or one that shows a face in less "
         f"than {MIN_COVERED_SHARE:.0%} of its frames. The limits for size, blur and bits were set on "
         "clips made poorer step by step: where fakes no longer stood out, or real faces began to look fake, as "
         "strongly blurred ones do."),
        *(() if calibration is None else _test_steps(scorer, calibration)),
        ("The clip", "Everybody is judged by what there is of them. One fake face makes the clip fake; it is likely "
         "real only when every face is, and nobody is left who could not be judged. A detection in which the face "
         f"mesh sees no face is no person. A face that stays the same in its place for {MIN_SHOWN_S:g} s or more (at "
         f"most {MAX_CHANGE:g} of 255 gray levels in any part of it) is a picture: it is told, and stops nothing, "
         "unless it scores like a fake."),
        *(() if not scorer.info.attribution else (_attribution_step(scorer),)),
        ("Re-compression", f"On demand the clip is encoded again (H.264, CRF {', '.join(map(str, RATES_CRF))}, same "
         "size) and the same pictures of the same faces are scored again. Faces are not searched for anew: the frame "
         "keeps its size, so where they were still holds. The quality gate sees the new bit rate."),
        ("What the file says", "Where the file's Content Credentials (C2PA), its XMP or its tag AIGC (GB 45438-2025) "
         "say that its pictures were generated by AI or another program, the card says so. The verdict does not rest "
         "on it: most generated clips say nothing, and whoever writes a file can declare anything."),
    )  # fmt: skip


def _cut_off(limits: QualityLimits) -> str:
    if limits.max_outside_share >= 1:
        return ""
    return f" Nor is a head whose crops lie outside the picture by more than {limits.max_outside_share:.0%}."


def _changed(limits: QualityLimits) -> str:
    if limits.max_hidden_share >= 1 or limits.max_smoothed_probability >= 1:
        return ""
    return (
        f" Nor is a face of which writing, a sticker or the like hides more than {limits.max_hidden_share:.0%}, or "
        "that a filter has strongly smoothed: both raise the score of real people."
    )


def _test_steps(scorer: FaceClassifier, calibration: Calibration) -> tuple[tuple[str, str], ...]:
    return (
        ("Test", f"LIKELY FAKE is a test of the claim that the clip is real: p below is the rank of its score among "
         "real examples, scored by networks that had not seen them, and it has to be at most "
         f"{calibration.false_alarm_rate:.0%}. With m people judged, the p of the most suspicious is multiplied by m, "
         "that of the next by m/2, and so on; then none is larger than that of somebody less suspicious (Benjamini and "
         "Hochberg 1995). More faces are more chances of a false alarm; several that are as suspicious, as one person "
         f"is in several shots, are not. And P(fake) has to be at least {calibration.min_fake_probability:g}. "
         f"{scorer.info.threshold}"),
        ("The other side", f"“No signs of a fake found” asks that at most {calibration.miss_rate:.0%} of fake examples "
         "score so low. What passes neither is INCONCLUSIVE."),
    )  # fmt: skip


def _attribution_step(scorer: FaceClassifier) -> tuple[str, str]:
    return (
        "Where it looked",
        f"{scorer.info.attribution} It says where the classifier found what moved it, not that something is wrong "
        f"there. In motion, up to {MAX_SCORED} pictures of a part of the track are scored, and the maps between them "
        "are means over time, weighted by a Gaussian; the scale of the colors is the same in the whole clip.",
    )


def classifier_facts(scorer: FaceClassifier) -> str:
    """Return what a classifier is given and what a verdict on its scores asks for, in a line."""
    given = f"up to {scorer.sampling.most} pictures of a person, {scorer.crop_px}×{scorer.crop_px} px"
    calibration = scorer.calibration
    if calibration is None:
        return f"{given}; not calibrated: no verdict rests on it"
    reals, fakes = len(calibration.real_logits), len(calibration.fake_logits)
    return (
        f"{given}; {_fake_from(calibration)}held against {reals} real examples and {fakes} fakes, degraded copies "
        "among them"
    )


def _fake_from(calibration: Calibration) -> str:
    limit = calibration.label_limits()[1]
    return "" if limit is None else f"likely fake from P(fake) {limit:.3f} on, where one person is judged; "


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
        "The azimuthal mean of the power spectrum of each face, drawn on the Evidence tab over the range of real "
        f"faces, and logistic regression on it ({spectrum_classifier().worth}; 0.5 is chance). Not to be "
        "relied on, and the page says so.",
        "The paper's faces are photographs generated whole; ours are taken from clips, whose codecs remove much of "
        "what it looks at. Its SVM and clustering.",
    ),
    Paper(
        "Rössler, Cozzolino, Verdoliva, Riess, Thies, Nießner 2019, FaceForensics++",
        "https://arxiv.org/abs/1901.08971",
        "A thousand videos manipulated in several ways and compressed at several rates, and how well people and "
        "networks recognize them.",
        "Its folder layout is read on the Data set page, each fake finds its original, and the square around a "
        "face's box is 1.3 times as large as the box, as in its baseline. The classifier is measured on it. As "
        "the paper does with its data set, Re-compress compresses a clip at several rates and asks again.",
        "Its classifiers, XceptionNet among them.",
    ),
    Paper(
        "Li, Chang, Lyu 2018, In ictu oculi: exposing AI generated fake face videos by detecting eye blinking",
        "https://arxiv.org/abs/1806.02877",
        "People in early fakes hardly blink, because photographs of closed eyes are rare; a recurrent network "
        "follows the state of the eye.",
        "Openness of each eye over time on the Evidence tab, blinks found and timed, blinks per minute against "
        "people's usual range, or that the clip is too short to tell.",
        "The recurrent network: openness is measured from the lids, not learned.",
    ),
    Paper(
        "Nguyen, Yamagishi, Echizen 2019, Use of a capsule network to detect fake images and videos",
        "https://arxiv.org/abs/1910.12467",
        "A small capsule network on features of VGG-19 tells fake faces from real ones and shows which parts decide.",
        "A capsule network of this kind, trained by us on the crops of EfficientNet-Lite0: ten primary capsules that "
        "keep mean and variance of their maps, dynamic routing to a capsule for real and one for fake. It is a "
        "classifier to compare with, in the table of accuracy and in the settings of the analysis, and no verdict "
        "rests on it. On clips of other sources than it was trained on, it found the right order in "
        f"{fact('baselines.capsule_auc'):.2f} of the pairs of a real and a fake clip ({fact('baselines.capsule_real')} "
        f"and {fact('baselines.capsule_fake')} clips, 95% interval {fact('baselines.capsule_auc_low'):.2f} to "
        f"{fact('baselines.capsule_auc_high'):.2f}; 0.5 is chance).",
        "Features of VGG-19: ours come from the frozen first five blocks of EfficientNet-Lite0. The picture of which "
        "parts decide.",
    ),
    Paper(
        "Li, Lyu 2018, Exposing DeepFake videos by detecting face warping artifacts",
        "https://arxiv.org/abs/1811.00656",
        "A synthesized face has a fixed low resolution and is warped into the frame; the trace of that is learned "
        "from real pictures whose face was blurred and warped, without any fakes.",
        "The default classifier is trained on faces that were warped at a lower resolution and laid back over "
        "themselves. The sharpness of the face against its surroundings is a signal of its own on the Evidence tab. "
        "The built-in fakes carry such flaws, to be looked at.",
        "The paper's own network.",
    ),
    Paper(
        "Agarwal, Varshney 2019, Limits of deepfake detection: a robust estimation viewpoint",
        "https://arxiv.org/abs/1905.03493",
        "Detection as a test of hypotheses: the better the generator, the nearer the least possible error comes to "
        "chance.",
        "The verdict is such a test, with its rate of false alarms given; it may be INCONCLUSIVE, and says what it "
        "cannot tell.",
        "Bounds on the error for a given clip.",
    ),
)
