"""The model card of a bundle: what it is, what it learnt from, how good it is, what it must not be used for.

    python -m deploy.card BUNDLE --run RUN --int8 int8.json --fp32 fp32.json

`RUN` is the training run's folder; the JSON files come from `perception evaluate --json`. The metrics are
also kept in `model.json`, where `perception info` finds them. What it learnt from is the bundle's ledger.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from perception import bundle
from perception.sinks.files import write_whole
from perception.tasks import TASKS, detection, signs
from perception.training import ledger

SHOWN = {  # what a reader asks first; all metrics are in model.json
    metric: title for task in TASKS.values() for metric, title in task.about.shown.items()
}
TEMPLATE = Path(__file__).with_name("card.template.md")
UNRECORDED = Path(__file__).with_name("card.data.md")  # of bundles without a ledger
RESEARCH = (
    "**Use these weights for research and other non-commercial purposes only**: "
    "some of the data allows no more."
)
COMMERCIAL = (
    "**These weights may be used commercially**: every picture and every teacher allows it. "
    "Cite the data sets named here. `ledger.csv` beside this card has a line for each picture."
)


def write_card(folder: Path, run: Path, int8: Path, fp32: Path, note: str = "") -> None:
    """Write README.md into the bundle, and the metrics into its model.json. `note`: what else was done."""
    metrics = {precision: _metrics(path) for precision, path in (("int8", int8), ("fp32", fp32))}
    config = json.loads((run / "config.json").read_text())
    config["init"] = Path(config.get("init", "")).name  # where it lay is nobody's business
    spec = bundle.read(folder)
    spec = bundle.write(
        folder, replace(spec, info={**spec.info, "metrics": metrics, "training": config, "note": note})
    )
    ledger.check_bundle(folder)
    write_whole(folder / "README.md", _text(spec, config, metrics).encode())


def _metrics(path: Path) -> dict[str, float]:
    return {name: round(value, 6) for name, value in json.loads(path.read_text())["metrics"].items()}


def _text(
    spec: bundle.ModelSpec, config: Mapping[str, Any], metrics: Mapping[str, Mapping[str, float]]
) -> str:
    shown = SHOWN | _of_new_classes(spec, metrics["int8"])
    rows = [
        f"| {what} (`{name}`) | {100 * metrics['int8'][name]:.1f} | {100 * metrics['fp32'][name]:.1f} |"
        for name, what in shown.items()
        if name in metrics["int8"] and name in metrics["fp32"]
    ]
    return TEMPLATE.read_text().format(
        name=spec.name,
        tasks="; ".join(_told(task) for task in spec.tasks.values()),
        version=spec.version,
        width=spec.input_size[0],
        height=spec.input_size[1],
        macs=spec.info["macs"] / 1e9,
        parameters=spec.info["parameters"] / 1e6,
        calibrated=spec.info["calibration_images"],
        metrics="\n".join(rows),
        learnt=learnt(spec.info.get(bundle.LEDGER_INFO)),
        settings=_settings(config),
        length=f"{config['minutes']:g} minutes" if config.get("minutes") else f"{config['steps']} steps",
        batch=config["batch"],
        crops=config["crops"],
        note=spec.info["note"],
    )


def _told(task: bundle.TaskSpec) -> str:
    """What a task finds, by its classes."""
    match task.name:
        case "detection":
            return f"objects ({', '.join(name.replace('_', ' ') for name in task.classes)})"
        case "signs" if task.classes == signs.CLASSES:
            return "the 43 sign classes of the German benchmark"
        case "signs":
            return f"{len(task.classes)} classes of signs ({', '.join(task.classes[:8])}, ...)"
    return {"lanes": "lane lines"}.get(task.name, f"the {task.name} area")  # a map


def _of_new_classes(spec: bundle.ModelSpec, metrics: Mapping[str, float]) -> dict[str, str]:
    """Metric -> what it is, of objects that the shipped bundle does not know."""
    classes = spec.tasks["detection"].classes if "detection" in spec.tasks else ()
    found = {}
    for name in metrics:
        task, _, rest = name.partition(".")
        place, _, ending = rest.partition(".")
        own, _, metric = ending.partition(".")
        if (task, metric) == ("detection", "ap50") and own in set(classes) - set(detection.CLASSES):
            found[name] = f"{own.replace('_', ' ')}, AP50, {place}"
    return found


def learnt(summary: Mapping[str, Any] | None) -> str:
    """The table of data sets and teachers, and what follows for the use of the weights."""
    if summary is None:
        return UNRECORDED.read_text().rstrip()
    lines = ["| data | pictures | truth taken | teachers | licence as found |", "|---|---|---|---|---|"]
    for name, said in summary["sources"].items():
        labels, teachers = (", ".join(said[key]) for key in ("labels", "teachers"))
        lines.append(
            f"| {name}: {said['citation']} | {said['images']} | {labels} | {teachers} | {said['licence']} |"
        )
    for name, said in summary["teachers"].items():
        lines.append(f"| teacher {name}: {said['citation']} | | | | {said['licence']} |")
    return "\n".join([*lines, "", COMMERCIAL if summary["commercial"] else RESEARCH])


def _settings(config: Mapping[str, Any]) -> str:
    """The `--set` options that tell this configuration from the default one."""
    from perception.training.config import configure, renamed

    licences = config.get("licences", "any")
    default = {**json.loads(configure("full", [f"licences={licences}"]).to_json()), "licences": "any"}
    changed = [
        f"{key}={json.dumps(value)}" for key, value in renamed(config).items() if value != default.get(key)
    ]
    return "".join(f" --set '{setting}'" for setting in changed)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the model card of a bundle.")
    parser.add_argument("bundle", type=Path)
    for option in ("run", "int8", "fp32"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    parser.add_argument("--note", default="", help="what the configuration does not say of the run")
    given = parser.parse_args()
    write_card(given.bundle, given.run, given.int8, given.fp32, given.note)


if __name__ == "__main__":
    main()
