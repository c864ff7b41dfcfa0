"""What Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from perception.health import STATES
from perception.serve.camera import Camera
from perception.serve.recording import Recorder
from perception.types import Scene

AGES_S = (0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
OUTCOMES = ("answered", "dropped", "failed", "lost")


class Metrics:
    """Of all cameras. Listens to their scenes; the rest is asked when it is scraped."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, cameras: Mapping[str, Camera], recorders: Mapping[str, Recorder]) -> None:
        self._cameras, self._recorders = cameras, recorders
        self._registry = CollectorRegistry()
        self._ages = Histogram(
            "perception_scene_age_seconds",
            "Age of a scene when it is ready, from the capture of its frame.",
            ["camera"],
            buckets=AGES_S,
            registry=self._registry,
        )
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        for name, camera in cameras.items():
            camera.on_scene = self._listener(name)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """By the protocol of a registry's collectors."""
        frames = CounterMetricFamily(
            "perception_frames", "Frames by what became of them.", labels=["camera", "outcome"]
        )
        captured = CounterMetricFamily("perception_captured_frames", "All of them.", labels=["camera"])
        state = GaugeMetricFamily("perception_state", "1: this is the state.", labels=["camera", "state"])
        reason = GaugeMetricFamily("perception_reason", "1: this is amiss.", labels=["camera", "reason"])
        fps = GaugeMetricFamily("perception_scenes_per_second", "Over two seconds.", labels=["camera"])
        stage = GaugeMetricFamily(
            "perception_stage_seconds", "Median of a stage.", labels=["camera", "stage"]
        )
        lookers = GaugeMetricFamily("perception_viewers", "Who looks.", labels=["camera"])
        made = CounterMetricFamily("perception_shots", "Frames made for somebody.", labels=["camera"])
        recording = GaugeMetricFamily("perception_recording", "1: a file is recorded.", labels=["camera"])
        for name, camera in self._cameras.items():
            account, report, told = camera.account, camera.report(), camera.times.told()
            for outcome in OUTCOMES:
                frames.add_metric([name, outcome], getattr(account, outcome))
            captured.add_metric([name], account.captured)
            for known in STATES:
                state.add_metric([name, known], float(known == report.state))
            for one in report.reasons:
                reason.add_metric([name, one.name], 1.0)
            fps.add_metric([name], told["fps"])
            for part, ms in told["ms"].items():
                stage.add_metric([name, part], ms / 1e3)
            lookers.add_metric([name], camera.studio.lookers - (name in self._recorders))
            made.add_metric([name], camera.studio.made)
            if name in self._recorders:
                recording.add_metric([name], float(self._recorders[name].status()["file"] is not None))
        yield from (frames, captured, state, reason, fps, stage, lookers, made, recording)

    def _listener(self, name: str) -> Callable[[float, Scene], None]:
        ages = self._ages.labels(name)

        def listen(age_ms: float, scene: Scene) -> None:
            ages.observe(age_ms / 1e3)

        return listen
