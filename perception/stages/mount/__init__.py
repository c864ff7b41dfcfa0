"""How the camera sits in the vehicle, learnt while driving: `scene.mount`.

From where it travels to (`travel`), where lane lines meet (`meeting`), and for the height from lane width,
the height of vehicles, and the own speed. `belief` weighs them; `store` keeps the result for the next start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from perception.camera import CameraModel
from perception.stages.mount.belief import DEGREE, FIRST, KNOWN, NAMES, Belief
from perception.stages.mount.evidence import Evidence
from perception.stages.mount.store import Saved, Store, lens_of
from perception.types import Frame, Mount, Scene

TOLD_S = 1.0  # `scene.mount` changes so often; the stages after it keep tables for each
TAKEN_UP = (0.2 * DEGREE, 0.2 * DEGREE, 0.5 * DEGREE, 0.1)  # how sure a saved mount is at the next start
SAVED_S, CHANGED = 600.0, 0.05 * DEGREE  # it is saved so often, or when it has changed by so much,
SELDOM_S = 30.0  # but not more often: a file is written in the way of a frame
SILENT_S = 120.0  # without evidence: it is said
UNKNOWN = Mount("unknown", None, None, None, None)

log = logging.getLogger(__name__)


class Mounting:
    """`mount`, of a camera whose intrinsics are known; else None."""

    name = "mount"
    needs: tuple[str, ...] = ()  # lanes and detections help, where they are
    remembers = True
    longest_gap_s = np.inf  # a camera sits as it did before the pause

    def __init__(self, classes: Sequence[str] = (), road_edge: int = -1) -> None:
        self._evidence = Evidence(classes, road_edge)
        self._store: Store | None = None
        self.belief: Belief | None = None
        self.reset()

    def keep_in(self, file: Path) -> None:
        """Take the mount up from this file and save it there. Raises PerceptionError for another file."""
        self._store = Store(file)
        self.reset()

    def reset(self) -> None:
        self.belief = None
        self._evidence.clear()
        self._told: Mount | None = None
        self._told_at = self._saved_at = -np.inf  # seconds, by the stamps
        self._last_ns: int | None = None
        self._silent_s = 0.0
        self._state = "unknown"

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        camera = frame.camera
        if camera is None:
            self.reset()
            return scene
        if self.belief is None or camera != self.belief.camera:
            self.reset()
            self.belief = self._begun(camera)
        now = frame.stamp_ns / 1e9
        dt = 0.0 if self._last_ns is None else (frame.stamp_ns - self._last_ns) / 1e9
        self._last_ns = frame.stamp_ns
        self._listen(self.belief, frame, scene, min(dt, 60.0))
        if self._told is None or now - self._told_at >= TOLD_S:
            self._told, self._told_at = self._said(self.belief), now
            self._keep(self.belief, now)
        return replace(scene, mount=self._told)

    def _begun(self, camera: CameraModel) -> Belief:
        saved = self._store.saved if self._store else None
        if saved is None:
            return Belief(camera)
        if not saved.fits(camera):
            log.warning("%s: the mount in it is of another camera; it is learnt anew", self._path)
            return Belief(camera)
        log.info("%s: a mount learnt %.1f hours ago is taken up", self._path, saved.age_s / 3600)
        sigma = TAKEN_UP if saved.roll is not None else (*TAKEN_UP[:2], FIRST[2], TAKEN_UP[3])
        roll = camera.roll if saved.roll is None else saved.roll
        known = replace(camera, pitch=saved.pitch, yaw=saved.yaw, roll=roll)
        belief = Belief(known, sigma if saved.height else (*sigma[:3], FIRST[3]))
        belief.camera = camera
        if saved.height:
            belief.numbers[3].mean = float(np.log(saved.height / camera.height))
        return belief

    @property
    def _path(self) -> str:
        return str(self._store.path) if self._store else ""

    def _listen(self, belief: Belief, frame: Frame, scene: Scene, dt: float) -> None:
        belief.later(dt)
        heard = self._evidence(belief, frame, scene, dt)
        self._silent_s = 0.0 if heard else self._silent_s + dt
        if self._silent_s >= SILENT_S > self._silent_s - dt:
            log.warning("mount: no lane line and no motion has told it for %.0f s", SILENT_S)
        if self._evidence.upside_down and self._state != "unknown":
            self.belief = Belief(belief.camera)
            self._told = None
        far = belief.settle()
        if far is not None:
            log.warning("mount: the camera has moved by %.1f degrees; it is learnt again", far / DEGREE)
            self._told = None

    def _said(self, belief: Belief) -> Mount:
        if self._evidence.upside_down:
            self._state = "unknown"
            return UNKNOWN
        means = [guess.mean for guess in belief.numbers]
        means[3] = belief.camera.height * float(np.exp(means[3]))
        known: dict[str, float | None] = dict.fromkeys(NAMES)
        sigma = {}
        for k, name in enumerate(NAMES):
            if belief.sigma(k) < KNOWN[k]:
                known[name] = means[k]
                sigma[name] = belief.sigma(k) * (means[3] if name == "height" else 1)
        before, self._state = self._state, self._state_of(belief, known)
        if self._state == "calibrated" != before:
            log.info("mount: calibrated: pitch %.2f, yaw %.2f degrees", means[0] / DEGREE, means[1] / DEGREE)
        return Mount(self._state, known["pitch"], known["yaw"], known["roll"], known["height"], sigma)

    @staticmethod
    def _state_of(belief: Belief, known: dict[str, float | None]) -> str:
        if belief.calibrated:
            belief.knocked = False
            return "calibrated"
        if belief.knocked:
            return "moved"
        any_known = known["pitch"] is not None or any(belief.told_by.values())
        return "converging" if any_known else "unknown"

    def _keep(self, belief: Belief, now: float) -> None:
        told, store = self._told, self._store
        if store is None or told is None or told.state != "calibrated":
            return
        assert told.pitch is not None
        assert told.yaw is not None
        saved = store.saved
        changed = saved is None or max(abs(saved.pitch - told.pitch), abs(saved.yaw - told.yaw)) > CHANGED
        if now - self._saved_at > (SELDOM_S if changed else SAVED_S):
            lens = lens_of(belief.camera)
            store.save(Saved(lens, told.pitch, told.yaw, told.roll, told.height, time.time()))
            self._saved_at = now

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: it shows in the distances."""
