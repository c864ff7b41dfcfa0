"""Rendered scenes for training, kept as files."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from perception.training.data import synthetic


def test_two_runs_may_render_into_one_folder_at_once(tmp_path):
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        first, second = pool.map(synthetic.read, [tmp_path] * 2, [4] * 2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"{k:05d}.npz" for k in range(4)]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_a_kept_scene_is_not_rendered_again(tmp_path, monkeypatch):
    (made,) = synthetic.read(tmp_path, 1)
    monkeypatch.setattr(synthetic, "render", None)
    (kept,) = synthetic.read(tmp_path, 1)
    assert np.array_equal(made.image, kept.image)
    assert made.boxes.xyxy.tolist() == kept.boxes.xyxy.tolist()
