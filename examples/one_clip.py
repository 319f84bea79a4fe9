"""One clip in a few lines: python examples/one_clip.py CLIP"""

import sys

import deepfake

if len(sys.argv) != 2:
    sys.exit(__doc__)
analysis = deepfake.analyze(sys.argv[1])
print(analysis.verdict.label, analysis.verdict.probability_fake)
for track in analysis.tracks:
    print(f"person {track.track_id}: {len(track.frame_indices)} of {len(analysis.frame_timestamps_s)} frames")
