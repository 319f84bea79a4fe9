"""The animated portrait: at rest it is the photograph; each part of a pose moves what it names, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepfake.demo.puppet import Look, Placement, Pose, Puppet, cut_out, dress, face_canvas, figure_canvas

PLACE = Placement(width=320, height=240, scale=0.9, left=-40.0, top=6.0)


@pytest.fixture(scope="module")
def portrait() -> tuple[np.ndarray, np.ndarray]:
    return cut_out()


@pytest.fixture(scope="module")
def puppet(portrait: tuple[np.ndarray, np.ndarray]) -> Puppet:
    return Puppet(figure_canvas(*portrait, PLACE), PLACE)


def _changed_rows(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """First and last row, in pixels of the photograph, where two renderings differ visibly."""
    rows = np.flatnonzero((np.abs(a.astype(int) - b).max(axis=2) > 12).any(axis=1))
    return (float(rows[0]) - PLACE.top) / PLACE.scale, (float(rows[-1]) - PLACE.top) / PLACE.scale


def test_cut_out_keeps_the_person_and_drops_the_background(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    photo, opacity = portrait
    assert photo.shape == (512, 512, 3)
    assert opacity[60:150, 195:255].min() == 1.0  # the face
    assert opacity[:150, :130].max() == 0.0
    assert opacity[:190, 320:].max() == 0.0


def test_at_rest_it_is_the_canvas(portrait: tuple[np.ndarray, np.ndarray], puppet: Puppet) -> None:
    assert np.abs(puppet.render(Pose()).astype(int) - figure_canvas(*portrait, PLACE)).max() <= 1


def test_a_blink_changes_the_eyes_only(puppet: Puppet) -> None:
    first, last = _changed_rows(puppet.render(Pose()), puppet.render(Pose(eyes_closed=1.0)))
    assert 88 < first < 100 < last < 110


def test_a_blink_covers_the_dark_of_the_eye(puppet: Puppet) -> None:
    x0, y0, x1, y1 = PLACE.box((198.0, 96.0, 210.0, 102.0))
    opened, closed = (puppet.render(Pose(eyes_closed=c))[y0:y1, x0:x1, :3] for c in (0.0, 1.0))
    assert closed.mean() > opened.mean() + 10


def test_an_open_mouth_changes_lips_and_jaw_only(puppet: Puppet) -> None:
    first, last = _changed_rows(puppet.render(Pose()), puppet.render(Pose(mouth_open=8.0)))
    assert 138 < first < 150
    assert 155 < last < 212


def test_a_shift_moves_the_head_and_not_the_suit(puppet: Puppet) -> None:
    still, moved = puppet.render(Pose()), puppet.render(Pose(shift=10.0))
    assert np.abs(moved[20:130, 70:220].astype(int) - still[20:130, 61:211]).mean() < 3.0  # by 10 × 0.9 pixels
    assert np.array_equal(moved[-5:], still[-5:])


def test_mirrored_placement_renders_the_mirror_image(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    mirrored = replace(PLACE, mirrored=True, left=PLACE.width - 1 - PLACE.left)
    pose = Pose(shift=4.0, yaw=3.0, mouth_open=5.0, eyes_closed=0.5)
    plain = Puppet(figure_canvas(*portrait, PLACE), PLACE).render(pose)
    other = Puppet(figure_canvas(*portrait, mirrored), mirrored).render(pose)
    assert np.abs(other[:, ::-1].astype(int) - plain).mean() < 0.5


def test_face_only_renders_the_same_face_in_its_box(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    canvas = face_canvas(portrait[0], PLACE, blur_px=3.0, grow=0.95)
    pose = Pose(sway=2.0, roll=0.02, mouth_open=4.0)
    whole, face = Puppet(canvas, PLACE), Puppet(canvas, PLACE, face_only=True)
    x0, y0, x1, y1 = face.box
    part = face.render(pose)
    assert part.shape == (y1 - y0, x1 - x0, 4)
    assert np.abs(part.astype(int) - whole.render(pose)[y0:y1, x0:x1]).mean() < 0.5
    assert part[[0, -1], :, 3].max() < 8, "the blend has faded at the box's edge"


def test_a_look_recolors_what_it_names(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    photo, opacity = portrait
    dark, same_opacity = dress(photo, opacity, Look(hair_rgb=(0.4, 0.4, 0.4), blue_suit=True))
    assert dark[30:60, 200:260].mean() < photo[30:60, 200:260].mean() * 0.6
    suit = dark[300:330, 100:180].reshape(-1, 3).mean(axis=0)
    assert suit[2] > suit[0]
    assert np.abs(dark[110:135, 200:250].astype(int) - photo[110:135, 200:250]).mean() < 1.0
    assert same_opacity is opacity
