"""docs/RESULTS.md and the results of README.md, from the JSON files that the commands wrote.

    python -m tools.results [--val-int8 F] [--val-fp32 F] [--val-trt-int8 F] [--bench F] ...

Files that are given are kept in docs/results, without the path of the data; then both pages are written anew
from what is there, so that no metric is ever typed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from deploy.card import SHOWN
from perception.attack import page as attack_page
from perception.backends.runtimes import FIRST
from perception.evaluation.corrupt import page
from perception.tasks import TASKS
from perception.training.analysis.report import markdown_table
from tools import sizes, together
from tools.together import UNKNOWN, Table

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "results"
FILES = (
    "val-int8",
    "val-fp32",
    "val-fp16",
    "val-trt-int8",
    "open-int8",
    "open-fp32",
    "bench",
    "synthetic",
    "signs",
    "repeatability",
    "sizes",
    "corrupt",
    "confidence",
    "attack-pgd",
    "attack-signs",
    "attack-patch",
)
LEFT_OUT = ("metrics_by", "latency")  # the page does not show them
PRIVATE = ("sources", "drives")  # facts: where the data was
SLOW = ("avx2", "asimddp")  # features of processors without fast products of integers
MARKS = re.compile(r"<!-- results -->.*<!-- /results -->", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write docs/RESULTS.md and the results of README.md.")
    for name in FILES:
        parser.add_argument(f"--{name}", type=Path)
    given = vars(parser.parse_args())
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        path = given[name.replace("-", "_")]
        if path is not None:
            kept = without(json.loads(path.read_text()), LEFT_OUT)
            if "facts" in kept:
                kept["facts"] = without(kept["facts"], PRIVATE)
            (KEPT / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
            table = path.with_suffix(".md")
            if table.is_file():
                (KEPT / f"{name}.md").write_text(table.read_text())
    found = {path.stem: json.loads(path.read_text()) for path in KEPT.glob("*.json")}
    template = (ROOT / "docs" / "results" / "RESULTS.template.md").read_text()
    parts = {name: "\n".join(table(found)) for name, table in TABLES.items()}
    (ROOT / "docs" / "RESULTS.md").write_text(template.format(**parts))
    readme = ROOT / "README.md"
    block = f"<!-- results -->\n{parts['summary']}\n<!-- /results -->"
    readme.write_text(MARKS.sub(lambda _: block, readme.read_text()))


def without(record: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def quality(found: Mapping[str, Any]) -> Iterator[str]:
    """Every metric of the val splits, INT8 beside FP32."""
    int8, fp32 = found["val-int8"]["metrics"], found["val-fp32"]["metrics"]
    yield "| metric | INT8 | FP32 | INT8 - FP32 |"
    yield "|---|---|---|---|"
    for name in sorted(int8):
        change = f"{100 * (int8[name] - fp32[name]):+.1f}"
        yield f"| `{name}` | {percent(int8[name])} | {percent(fp32[name])} | {change} |"


def opened(found: Mapping[str, Any]) -> Iterator[str]:
    """The bundle for commercial use beside the other, by what a reader asks first."""
    yield from _beside(
        {
            "road-open INT8": found["open-int8"],
            "road-open FP32": found["open-fp32"],
            "road INT8": found["val-int8"],
        }
    )


def _beside(columns: Mapping[str, Any]) -> Iterator[str]:
    """The metrics in SHOWN, a column each."""
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for name, what in SHOWN.items():
        values = [said["metrics"].get(name) for said in columns.values()]
        if any(value is not None for value in values):
            yield f"| {what} | {' | '.join('' if x is None else percent(x) for x in values)} |"


COLUMNS = {  # file -> title
    "val-fp32": "FP32",
    "val-int8": "CPU INT8",
    "val-trt-int8": "TensorRT INT8, Q/DQ simulated",
    "val-fp16": "FP16, simulated",
}
ROWS = {  # task -> what is averaged
    **{name: (task.about.score.title, task.about.score.metrics) for name, task in TASKS.items()},
    "detection, COCO": ("AP, mean of classes", "detection.all.coco_ap"),
}


def precisions(found: Mapping[str, Any]) -> Iterator[str]:
    """Per task every precision, and what it loses against FP32."""
    known = {title: found[name]["metrics"] for name, title in COLUMNS.items() if name in found}
    yield f"| task | metric | {' | '.join(known)} |"
    yield f"|---|---|{'---:|' * len(known)}"
    for task, (what, pattern) in ROWS.items():
        means = {
            title: mean(
                x
                for name, x in own.items()
                if fnmatch(name, pattern) and name.count(".") == pattern.count(".")
            )
            for title, own in known.items()
        }
        cells = [f"{percent(x)} ({100 * (x - means['FP32']):+.2f})" for x in means.values()]
        yield f"| {task} | {what} | {percent(means['FP32'])} | {' | '.join(cells[1:])} |"


MOVED = (  # metrics whose draws are shown
    "detection.all.ap50",
    "detection.all.coco_ap",
    "detection.camvid.vehicle.ap50",
    "detection.camvid.person.ap50",
    "detection.camvid.cyclist.ap50",
    "detection.streets_id.vehicle.ap50",
    "detection.streets_id.person.ap50",
    "gtsdb.sign.ap50",
    "gtsdb.sign.read_f1",
    "lanes.drawn.f1",
    "drivable.idd.iou",
)
POINTS = 0.5  # how far INT8 may lie below float


def repeatability(found: Mapping[str, Any]) -> Iterator[str]:
    """How far metrics move from draw to draw, in points against float, as tools.repeatability wrote it."""
    if "repeatability" not in found:
        yield UNKNOWN
        return
    fp32, draws = found["repeatability"]["fp32"], found["repeatability"]["draws"]
    yield f"| metric | FP32 | {' | '.join(draws)} |"
    yield f"|---|---:|{'---:|' * len(draws)}"
    for name in MOVED:
        moved = [[100 * (own[name] - fp32[name]) for own in drawn] for drawn in draws.values()]
        cells = " | ".join(f"{mean(by):+.2f} ± {stdev(by):.2f}" for by in moved)
        yield f"| `{name}` | {percent(fp32[name])} | {cells} |"
    below = [[_below(own, fp32) for own in drawn] for drawn in draws.values()]
    cells = " | ".join(", ".join(map(str, sorted(counts))) for counts in below)
    yield f"| of {len(fp32)} metrics more than {POINTS} points below, in each draw | | {cells} |"


def _below(metrics: Mapping[str, float], fp32: Mapping[str, float]) -> int:
    return sum(100 * (metrics[name] - value) < -POINTS for name, value in fp32.items())


def synthetic(found: Mapping[str, Any]) -> Iterator[str]:
    """The metrics on rendered scenes; lengths are metres."""
    yield "| metric | value |"
    yield "|---|---|"
    for name, value in sorted(found.get("synthetic", {}).get("metrics", {}).items()):
        yield f"| `{name}` | {f'{value:.3f} m' if name.endswith('median_m') else percent(value)} |"


def speed(found: Mapping[str, Any]) -> Iterator[str]:
    """Stages, networks and processes of `perception bench`."""
    bench = found["bench"]
    machine, stages = bench["machine"], bench["pipeline"]["stages_ms"]
    yield f"Machine: {', '.join(f'{key} {value}' for key, value in machine.items())}."
    yield ""
    yield "| stage, 1 thread | p50 ms | p95 ms | p99 ms |"
    yield "|---|---|---|---|"
    for name, row in stages.items():
        yield f"| {name} | " + " | ".join(f"{ms:.2f}" for ms in row.values()) + " |"
    yield ""
    yield "| network | threads | runtime | wall ms | CPU ms |"
    yield "|---|---|---|---|---|"
    for name, row in bench["network"].items():
        cells = (*name.split(), FIRST)[:3]
        yield f"| {' | '.join(cells)} | " + " | ".join(f"{ms:.2f}" for ms in row.values()) + " |"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for what, text in facts(bench):
        yield f"| {what} | {text} |"


def facts(bench: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    peak, around, process = bench["peak"], bench["pipeline"]["around"], bench["process"]
    yield "INT8 against FP32, 1 thread", f"{peak['int8_over_fp32']:.2f} x"
    yield "INT8 convolution peak of the machine, 1 thread", f"{max(peak['int8_gops'].values()):.0f} GOP/s"
    yield "share of it that the network reaches", f"{100 * peak['share_of_peak']:.0f} %"
    yield "preprocess and decodes against the networks", f"{100 * around['share_of_networks']:.1f} %"
    yield "process start to first scene", f"{process['first_scene_s']:.2f} s"
    yield "peak memory of a 720p run", f"{process['peak_mb']:.0f} MB"


def sizes_of(found: Mapping[str, Any]) -> Iterator[str]:
    """What `by_size` is of."""
    if "sizes" in found:
        of = found["sizes"]
        yield f"Accuracy of {of['bundle']}; milliseconds of a whole frame on one thread of"
        yield f"{_where(of['machine'])}."


def _where(machine: Mapping[str, Any]) -> str:
    """The processor, and whether it multiplies integers quickly."""
    fast = ", ".join(name for name in machine.get("features", ()) if name not in SLOW)
    how = f"with {fast}" if fast else "without VNNI, where INT8 takes several times as long"
    return f"{machine.get('processor', 'this machine')} {how}"


def by_size(found: Mapping[str, Any]) -> Iterator[str]:
    """Accuracy against time by input size, as tools.sizes measured it."""
    yield from sizes.table(found["sizes"]["sizes"]) if "sizes" in found else [UNKNOWN]


def under_corruption(found: Mapping[str, Any]) -> Iterator[str]:
    """What is left of each task, then of each under every corruption, as `evaluate --corrupt` wrote it."""
    if "corrupt" not in found:
        yield UNKNOWN
        return
    own = found["corrupt"]
    yield from _asked(own["facts"])
    head = ["task", "metric", "clean", "mPC", "rPC", "95 % interval of rPC"]
    yield from markdown_table([head, *page.rows_of_tasks(own)])
    yield ""
    head = ["rPC, %", *own["tasks"], "breaks first", "noticed"]
    yield from markdown_table([head, *page.rows_of_corruptions(own)])


def confidence(found: Mapping[str, Any]) -> Iterator[str]:
    """What the confidence of each task is worth, as `evaluate --corrupt --stages confidence` wrote it."""
    if "confidence" not in found:
        yield UNKNOWN
        return
    own = found["confidence"]
    yield from _asked(own["facts"])
    yield from markdown_table([["task", *page.CONFIDENCE[1:]], *page.rows_of_confidence(own)])
    yield ""
    yield page.ABOUT_CONFIDENCE


def attacks(name: str) -> Table:
    """How often an attack breaks each task, as `evaluate --attack` wrote it."""

    def table(found: Mapping[str, Any]) -> Iterator[str]:
        if name not in found:
            yield UNKNOWN
            return
        own = found[name]
        yield f"Steps: {own['facts']['steps']}. Pictures: at most {own['facts']['limit'] or 'all'} of a set."
        yield ""
        head = ["task", own["facts"]["unit"], *attack_page.COLUMNS]
        yield from markdown_table([head, *attack_page.rows_of(own["attacks"])])

    return table


def _asked(facts: Mapping[str, Any]) -> Iterator[str]:
    """Of `evaluate --corrupt`."""
    severities = ", ".join(map(str, facts["severities"]))
    yield f"Severities: {severities}. Pictures: at most {facts['limit'] or 'all'} of a set."
    yield ""


def signs(found: Mapping[str, Any]) -> Iterator[str]:
    """The two ways of reading signs, as tools.sign_heads wrote it."""
    yield written(KEPT / "signs.md")


def sources(found: Mapping[str, Any]) -> Iterator[str]:
    """What short runs without one source lost, as tools.ablation wrote it."""
    yield written(KEPT / "sources" / "sources.md")


def written(path: Path) -> str:
    """The rows of the table in a Markdown file."""
    if not path.is_file():
        return UNKNOWN
    return "\n".join(line for line in path.read_text().splitlines() if line.startswith("|"))


def summary(found: Mapping[str, Any]) -> Iterator[str]:
    """What the README shows."""
    yield "INT8, on val pictures that the networks never saw, %. `road` learnt from other pictures of these"
    yield "sets, but none of ACDC, and from the drives of the bonnets. `road-open`, which may be used"
    yield "commercially, learnt from those of GTSDB, the Russian roads and Lahore alone:"
    yield ""
    yield from _beside({"`road`": found["val-int8"], "`road-open`": found["open-int8"]})
    yield ""
    bench = found["bench"]
    yield f"Speed of version {bench['bundle'].split()[-1]}, one thread of {_where(bench['machine'])}:"
    yield ""
    yield "| | |"
    yield "|---|---|"
    network = bench["network"]
    fast, slow = (network[f"{precision} 1"]["cpu_ms"] for precision in ("int8", "fp32"))
    yield f"| network, INT8 / FP32 | {fast:.1f} / {slow:.1f} ms |"
    for what, text in facts(bench):
        yield f"| {what} | {text} |"
    yield ""
    if "sizes" in found:
        yield "What a larger input buys (`--input-size 2x`), %:"
        yield ""
        yield from by_size(found)
        yield ""
        yield from sizes_of(found)
        yield ""
    yield "Commands: `perception evaluate --data DIR --split val`, `perception bench`,"
    yield "`python -m tools.sizes`."


TABLES = {
    "quality": quality,
    "precisions": precisions,
    "repeatability": repeatability,
    "synthetic": synthetic,
    "speed": speed,
    "sizes": by_size,
    "sizes_of": sizes_of,
    "under_corruption": under_corruption,
    "confidence": confidence,
    "attacks_pgd": attacks("attack-pgd"),
    "attacks_signs": attacks("attack-signs"),
    "attacks_patch": attacks("attack-patch"),
    "signs": signs,
    "sources": sources,
    **together.TABLES,
    "opened": opened,
    "summary": summary,
}

if __name__ == "__main__":
    main()
