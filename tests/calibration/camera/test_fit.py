"""The camera comes out that made the views, within the uncertainty that is told."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.camera.fit import fit
from calibration.camera.uncertainty import parameters, sigma_map, sigmas
from calibration.camera.views import empty_parts, spread
from tests.calibration.camera.boards import CAMERA, FISHEYE, SIZE, views


@pytest.mark.parametrize("camera", [CAMERA, FISHEYE], ids=["pinhole", "fisheye"])
def test_exact_views_give_the_camera(camera):
    found = fit(views(camera, 10, noise=0.0), SIZE, camera.lens)
    np.testing.assert_allclose(parameters(found.camera), parameters(camera), atol=2e-3)
    assert found.rms < 1e-3


@pytest.mark.parametrize("camera", [CAMERA, FISHEYE], ids=["pinhole", "fisheye"])
def test_noisy_views_give_it_within_the_uncertainty(camera):
    found = fit(views(camera, 15, noise=0.3), SIZE, camera.lens)
    off = np.abs(parameters(found.camera) - parameters(camera))[:4]
    assert (off < 4 * np.array(list(sigmas(found).values()))).all()
    assert found.rms == pytest.approx(0.3 * np.sqrt(2), rel=0.1)


def test_the_uncertainty_is_the_scatter_of_calibrations():
    """Of twenty calibrations with other views: of the focal length, which no turn of the camera hides."""
    fits = [fit(views(CAMERA, 12, seed), SIZE) for seed in range(20)]
    scatter = np.std([made.camera.fx for made in fits])
    told = np.median([sigmas(made)["fx"] for made in fits])
    assert 0.5 < told / scatter < 2


def test_where_no_board_was_the_camera_is_unsure():
    middle = fit(views(CAMERA, 15, side=0.2), SIZE)
    sure = sigma_map(middle)
    assert sure[:, [0, -1]].min() > 2 * sure[4, 8]


def test_parts_of_the_picture_without_a_board_are_named():
    (view,) = views(CAMERA, 1)
    left = replace(view, corners=view.corners * (0.3, 1.0))
    assert {"top right", "middle right", "bottom right"} <= set(empty_parts([left]))
    assert not empty_parts(views(CAMERA, 30))


def test_a_view_that_does_not_fit_is_left_out_by_name():
    given = views(CAMERA, 12)
    rng = np.random.default_rng(3)
    bad = replace(given[4], name="bent.jpg", corners=given[4].corners + rng.normal(0, 4, (54, 2)))
    found = fit([*given[:4], bad, *given[5:]], SIZE)
    assert [name for name, _ in found.dropped] == ["bent.jpg"]
    assert found.first_rms > 2 * found.rms
    assert len(found.views) == 11


def test_of_many_views_those_are_used_that_differ_most():
    given = views(CAMERA, 40)
    alike = [replace(given[0], name=f"again {k}") for k in range(40)]
    assert sum(view.name.startswith("again") for view in spread([*given, *alike], 20)) <= 1
