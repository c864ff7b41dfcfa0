"""The training loop: joint training on source-balanced batches with partial labels."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from perception.bundle import LEDGER
from perception.errors import DataError
from perception.model import fakequant
from perception.model.grown import fits, grow
from perception.model.network import Network
from perception.model.pretrained import load_pretrained
from perception.model.shape import Shape
from perception.outputs import PartFile, write_whole
from perception.tasks.batch import Batch
from perception.tasks.signs import CLASSES
from perception.training import ledger
from perception.training.allowed import check_names
from perception.training.augment import Place
from perception.training.backward import backward, cut_off
from perception.training.balance import BALANCE
from perception.training.checkpoint import (
    CHECKPOINT,
    fitted,
    learnt_from,
    load_checkpoint,
    recorded,
    shape_at,
    shape_of,
    weights_at,
)
from perception.training.classes import vocabulary
from perception.training.config import Config, inputs, renamed
from perception.training.data import signs, sources
from perception.training.data.chosen import Chosen
from perception.training.data.mix import Mix
from perception.training.data.outliers import Outliers
from perception.training.data.signs import Sign
from perception.training.data.sources import read_sources
from perception.training.data.variants import Variants
from perception.training.ledger import Row
from perception.training.log import Log
from perception.training.objective import check_alive, check_parts, freeze, losses
from perception.training.optimise import Ema, learning_rate, optimizer, restore
from perception.training.schedule import SCHEDULES

FINISH_ZOOM, FINISH_COVER = (0.85, 1.25), 0.15
CHOOSING = {"data", "val", "held_out"}  # settings that say by which pictures the best weights are chosen
BUILT = ("tasks", "sharing", "shape", "detection", "signs")  # what weights are made for


class Trainer:
    """One run in one folder: config.json, ledger.csv, log.csv, TensorBoard events and checkpoint.pt."""

    def __init__(self, data: Path | None, out: Path, config: Config) -> None:
        """`data`: a folder in our own format, if there is one; `config.data` names other data sets."""
        check_names(config)
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.data, self.out, self.config = data, out, config
        self.device = _device(config.device)
        self.vocabulary = vocabulary(config)
        self.network = self._network(Shape.of(config.shape))
        check_parts(self.network, config.frozen)
        self.optimizer = optimizer(self.network, config)
        self.balance = BALANCE[config.balance](config.weights, config.seed)
        self.ema = Ema(self.network, config.ema)
        self.ranges = fakequant.Ranges()  # with `qat`
        self.schedule = SCHEDULES[config.schedule](config)
        self.ledger: list[Row] = []  # of all that the weights learn from, or have learnt from before
        self.step, self.seconds = 0, 0.0  # processor time of the steps alone, without the making of batches
        self.spent = 0.0  # seconds of earlier processes, and
        self.since: float | None = None  # when this one saw its first batch
        self.before = self.progress = 0.0  # 0 to 1: how much was done by the step before, and is now
        self.worse = 0  # evaluations since the best
        self.best = -math.inf  # score on val, and
        self.thresholds: dict[str, float] = {}  # what was picked there, by class
        self.ended = False  # whoever watches has seen enough

    def _network(self, shape: Shape) -> Network:
        network = Network(self.config.tasks, self.config.sharing, self.vocabulary.by_task, shape)
        return network.to(self.device).to(memory_format=torch.channels_last)

    def _advance(self) -> None:
        """Count a step; progress is that of the steps, or of the time if that is shorter."""
        self.step += 1
        self.before, self.progress = self.progress, self._done()

    def _done(self) -> float:
        minutes = self._spent() / 60 / self.config.minutes if self.config.minutes else 0.0
        return min(1.0, max(self.step / self.config.steps, minutes))

    def _spent(self) -> float:
        """Seconds of training, those of earlier processes too."""
        return self.spent + (0.0 if self.since is None else time.monotonic() - self.since)

    def _begin(self, batch: Batch) -> None:
        """Take the weights to start from, if any are named; a bundle's norms adapt to `batch`."""
        if not self.config.init:
            return
        path, network = weights_at(self.config.init), self.network
        if (shape := shape_at(path)) != network.trunk.shape and fits(shape, network.trunk.shape):
            network = self._network(shape)
        if path.is_file():
            network.load_state_dict(fitted(load_checkpoint(path), network))
        else:
            load_pretrained(network, path, batch.images, batch.crops)
        if network is not self.network:
            grow(network, self.network)
        self.ema = Ema(self.network, self.config.ema)

    def _prepare(self, batch: Batch) -> None:
        """Before the first step of this process, with its batch."""
        if self.step == 0:
            self._begin(batch)
        self.network.eval()  # its batch norms learn nothing from being looked at
        check_alive(self.network, losses(self.network, batch))
        if self.config.qat:
            fakequant.attach(self.network, self.ranges)

    def resume(self) -> None:
        """Go on from this folder's checkpoint, if there is one."""
        path = self.out / CHECKPOINT
        if not path.exists():
            return
        state = load_checkpoint(path, self.device)
        before = {"shape": asdict(shape_of(state))} | renamed(json.loads(state["config"]))
        changed = self._check_same(path, before)
        self.network.load_state_dict(state["network"])
        self.ema.network.load_state_dict(state["ema"])
        restore(self.optimizer, state["optimizer"])
        if before.get("balance") == self.config.balance:  # what another method remembers is of no use to it
            self.balance.restore(state.get("balance", self.balance.state()))
        self.step, self.seconds = state["step"], state.get("seconds", 0.0)
        self.ledger = recorded(path) or ledger.unrecorded(path.name)
        self.spent = state.get("spent", 0.0)
        self.before = self.progress = self._done()
        self.best, self.thresholds = state.get("best", -math.inf), state.get("thresholds", {})
        self.worse = state.get("worse", 0)
        if CHOOSING & changed:  # scores on other pictures do not compare
            self.best, self.thresholds, self.worse = -math.inf, {}, 0
        if self.config.qat:
            self.ranges.restore(state.get("ranges", {}))

    def _check_same(self, path: Path, before: Mapping[str, Any]) -> set[str]:
        """The settings that changed; they are told. Raises DataError if its weights do not fit."""
        now = json.loads(self.config.to_json())
        changed = [key for key in now if key in before and before[key] != now[key]]
        for key in (key for key in changed if key in BUILT):
            raise DataError(
                f"{path}: expected a network of {key}={now[key]}, got one of {before[key]}. Resume with "
                f"--set '{key}={json.dumps(before[key])}', or begin anew: another --out, --set init={path}"
            )
        if "init" in changed and self.config.init:
            raise DataError(
                f"{path}: expected no other weights to start from, since this run has its own; got "
                f"init={self.config.init}. Resume without it, or begin anew: another --out"
            )
        for key in changed:
            print(f"resumed with another {key}: {now[key]}, before {before[key]}", file=sys.stderr)
        return set(changed)

    def save(self, name: str = CHECKPOINT) -> None:
        state = {
            "network": self.network.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "balance": self.balance.state(),
            "step": self.step,
            "seconds": self.seconds,
            "spent": self._spent(),
            "best": self.best,
            "worse": self.worse,
            "ranges": self.ranges.state(),
            "thresholds": self.thresholds,
            "ledger": ledger.to_csv(self.ledger),
            "config": self.config.to_json(),
        }
        packed = BytesIO()  # torch turns the fault of a full disk into one of its own
        torch.save(state, packed)
        part = PartFile(self.out / name)
        try:
            with part.or_nothing():
                part.file.write(packed.getbuffer())
        except BaseException:  # Ctrl-C: an older checkpoint stays
            part.discard()
            raise
        part.commit()

    def run(self, watch: Callable[[Trainer, Batch], Mapping[str, float]] | None = None) -> None:
        """Train to the last step, saving every few minutes.

        `watch` is called after each step with its batch; what it answers goes to the log.
        """
        write_whole(self.out / "config.json", (self.config.to_json() + "\n").encode())
        self._record()
        saved = time.monotonic()
        with Log(self.out, self.step, self.progress) as log, self._saving():
            for k, made in enumerate(self._batches()):
                batch = made.to(self.device)
                if k == 0:
                    self.since = time.monotonic()
                    self._prepare(batch)
                began = time.process_time()
                values = self._train(batch)
                self.seconds += time.process_time() - began
                self._advance()
                seen = watch(self, batch) if watch is not None else {}
                log.write(self.step, self.progress, {**values, **seen, "lr": self._lr()})
                if self.ended:
                    break
                if time.monotonic() - saved > self.config.save_every:
                    self.save()
                    saved = time.monotonic()
            self.save()

    def _record(self) -> None:
        """Write the ledger: what the weights have learnt from before, and what they will."""
        frames = read_sources(self.data, self.out / "synthetic", self.config)
        init = self.config.init
        before = self.ledger if self.step or not init else learnt_from(init)
        self.ledger = ledger.merged(before, ledger.of_run(self.data, self.config, frames))
        if self.config.licences == "open":
            ledger.check(self.ledger)
        write_whole(self.out / LEDGER, ledger.to_csv(self.ledger).encode())

    @contextmanager
    def _saving(self) -> Iterator[None]:
        """Keep what was learnt when the run is interrupted.

        Raises DataError if a worker process died, no batch can be made, or the device has too little memory.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.save()
            raise
        except DataError as fault:
            if self.step and self._is_sound():
                self.save()
            if not _of_a_worker(fault):
                raise
            raise DataError(_last(fault)) from fault
        except torch.OutOfMemoryError as fault:
            self.save()
            raise DataError(
                f"step {self.step}: expected enough memory on {self.device}, got too little. What was learnt "
                f"is saved in {self.out}: go on with --resume and a smaller batch or size"
            ) from fault
        except (RuntimeError, EOFError, ConnectionError) as fault:
            if isinstance(fault, RuntimeError) and not _of_a_worker(fault):
                raise
            try:
                self.save()
            except RuntimeError as late:  # torch tells of it in a signal handler, at whatever moment
                if not _of_a_worker(late):
                    raise
                self.save()
            raise DataError(
                "a process that makes batches was killed, most often because memory was full. What was "
                f"learnt is saved in {self.out}: go on with --resume --set workers=0, or with a smaller batch"
            ) from fault

    def _lr(self) -> float:
        return learning_rate(self.progress, self.config)

    def _train(self, batch: Batch) -> Mapping[str, float]:
        torch.manual_seed((self.config.seed << 32) + self.step)  # of dropout: a resumed run does the same
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr()
        plan = self.schedule(self.step, self.progress)
        freeze(self.network, plan.frozen)
        self.optimizer.zero_grad(set_to_none=True)
        exact = self.config.qat
        at_features = self.balance.needs_gramian and self.config.balance_at == "features"
        with cut_off(self.network) if at_features else nullcontext() as cut:
            present = losses(self.network, batch, exact, plan.tasks)
        if not present:
            return {}
        self._check_finite(present)
        weights, _ = backward(self.network, present, self.balance, cut)
        penalty = self.network.trunk.penalty()
        if penalty is not None and penalty.requires_grad:
            torch.autograd.backward(penalty)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._check_finite({"the gradient": norm})
        self.optimizer.step()
        self.ema.update(self.network, self.step)
        if self.balance.looks_again:
            with torch.no_grad():
                again = losses(self.network, batch, exact, weights)
            self.balance.observe({task: loss.item() for task, loss in again.items()})
        values = {f"loss.{task}": loss.item() for task, loss in present.items()} | {"norm": norm.item()}
        values |= {f"weight.{task}": weight for task, weight in weights.items()}
        return values | self.network.trunk.telemetry()

    def _check_finite(self, values: Mapping[str, Tensor]) -> None:
        """Raises DataError: before this step all weights were sound, and they are what is kept."""
        bad = [name for name, value in values.items() if not torch.isfinite(value).all()]
        if not bad:
            return
        kept = self.out / CHECKPOINT
        if self._is_sound():
            self.save()
        lower = f"{self.config.lr / 3:.2g}"
        raise DataError(
            f"step {self.step}: expected numbers, got NaN or infinity of {', '.join(bad)}. "
            + (
                f"{kept} holds the weights before it: go on with --resume --set lr={lower}"
                if kept.exists()
                else f"Nothing was saved yet: begin anew with --set lr={lower}"
            )
            + ", and look at the labels of that task"
        )

    def _is_sound(self) -> bool:
        values = self.network.state_dict().values()
        return all(bool(x.isfinite().all()) for x in values if x.is_floating_point())

    def _batches(self) -> Iterator[Batch]:
        """The remaining batches: at the end nearly as frames are seen in use."""
        config = self.config
        frames = read_sources(self.data, self.out / "synthetic", config)
        shares = {name: sources.share(name, config) for name in frames}
        crops = sources.sign_crops(self.data, config) + sources.scene_signs(frames)
        rendered = signs.in_scenes(frames.get("synthetic", []))
        seen = sources.seen(frames)
        chosen = Chosen(self.vocabulary)
        made: list[tuple[float, Callable[[np.random.Generator], Sign]]] = [
            (config.outliers, Outliers(seen, crops))
        ]
        if drawn := [k for k in range(len(CLASSES)) if chosen.sign(k) >= 0]:
            made.append((config.variants, Variants(seen, chosen.known(crops), drawn)))
        things = sources.cutouts_of(self.data, frames, config) if config.stand > 0 else []
        phases = [(1 - config.finish, config.zoom, 0.5), (1.0, FINISH_ZOOM, FINISH_COVER)]
        for end, zoom, cover in phases:
            if self.progress < end:
                mix = Mix(
                    frames,
                    shares,
                    crops,
                    [(Place(size, zoom, cover=cover), share) for size, share in inputs(config).items()],
                    batch=config.batch,
                    crops=config.crops if "signs" in config.tasks else 0,  # drawn last: frames stay the same
                    paste=config.paste,
                    seed=config.seed,
                    start=self.step,
                    rendered=rendered,
                    cutouts=things,
                    stand=config.stand,
                    bonnet=config.bonnet,
                    blank=config.blank,
                    made=made,
                    chosen=chosen,
                )
                loader = DataLoader(
                    mix,
                    batch_size=None,
                    num_workers=config.workers,
                    prefetch_factor=4 if config.workers else None,
                    pin_memory=self.device.type == "cuda",
                )
                for batch in loader:
                    yield batch
                    if self.progress >= end:
                        break


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise DataError(f"device: expected auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise DataError("device=cuda: expected a GPU that torch can use, found none; set device=cpu")
    return torch.device(name)


def _of_a_worker(fault: Exception) -> bool:
    """Torch says that a process that makes batches has died, or what was raised there."""
    return "DataLoader worker" in str(fault)


def _last(fault: DataError) -> str:
    """What was raised in a worker process, of the text of its traceback."""
    return str(fault).rpartition(f"{DataError.__name__}: ")[2].strip()
