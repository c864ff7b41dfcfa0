"""Rendered scenes for training, kept as files."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from perception.training.data import synthetic


def test_two_runs_may_render_into_one_folder_at_once(tmp_path):
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        first, second = pool.map(synthetic.read, [tmp_path] * 2, [4] * 2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        f"{k:05d}.v{synthetic.VERSION}.npz" for k in range(4)
    ]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_edges_are_kept_apart_from_lines(tmp_path):
    synthetic.read(tmp_path, 4)
    for path in tmp_path.iterdir():
        with np.load(path) as stored:
            assert stored["edge"].shape == stored["line"].shape
            assert not (stored["paint"] & (stored["edge"] > 0) & (stored["line"] == 0)).mean() > 0.01
    assert any(np.load(path)["edge"].any() for path in tmp_path.iterdir())


def test_a_kept_scene_is_not_rendered_again(tmp_path, monkeypatch):
    (made,) = synthetic.read(tmp_path, 1)
    monkeypatch.setattr(synthetic, "render", None)
    (kept,) = synthetic.read(tmp_path, 1)
    assert np.array_equal(made.image, kept.image)
    assert made.boxes.xyxy.tolist() == kept.boxes.xyxy.tolist()
