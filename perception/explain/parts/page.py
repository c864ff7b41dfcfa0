"""The page of `perception mtl parts`: blocks against tasks, and what is shared."""

from __future__ import annotations

import numpy as np

from perception.evaluation.report import html
from perception.explain.parts.measure import Importance

HOW = (
    "Each row is a group of channels of one block of the shared part of the network. A cell says how much of "
    "a task's score is lost when the group is set to zero, in percent of the score; the darker, the more. "
    "A row that is dark in one column serves one task; dark in several: it is shared. Below zero: the task "
    "scores higher without the group, which is where the tasks are in conflict."
)
WIDE, HIGH, LEFT, TOP = 110, 15, 230, 26  # pixels of the heat map


def page(found: Importance, pictures: int) -> str:
    lost, changed = found.agreement(), found.agreement_on_change()
    rows = [
        ["task", "finds", "foretold against lost score, Spearman", "against change either way"],
        *(
            [task, str(count), f"{lost[task]:.2f}", f"{changed[task]:.2f}"]
            for task, count in zip(found.tasks, found.finds, strict=True)
        ),
    ]
    return html.page(
        "Which part serves which task",
        [
            html.note(f"{pictures} pictures. {HOW}"),
            html.table(rows),
            html.heading("Damage of a knock-out, % of the score"),
            heat_map(found),
            html.heading("Sharing"),
            html.table(sharing(found)),
        ],
    )


def heat_map(found: Importance) -> str:
    """Blocks x tasks as SVG: red where the task loses, blue where it gains."""
    values = 100 * found.measured
    most = max(float(np.abs(values).max()), 1e-9)
    cells = [
        f"<text x='{LEFT + k * WIDE + WIDE / 2}' y='16' text-anchor='middle'>{task}</text>"
        for k, task in enumerate(found.tasks)
    ]
    for i, part in enumerate(found.parts):
        y = TOP + i * HIGH
        cells.append(f"<text x='0' y='{y + 12}'>{named(part.block)} {part.first}-{part.end - 1}</text>")
        for k, value in enumerate(values[i]):
            share = min(1.0, (abs(value) / most) ** 0.5)
            colour = "192,57,43" if value >= 0 else "36,113,163"
            ink = "#fff" if share > 0.6 else "#222"
            x = LEFT + k * WIDE
            cells.append(
                f"<rect x='{x}' y='{y}' width='{WIDE - 2}' height='{HIGH - 1}' "
                f"fill='rgba({colour},{share:.2f})'/><text x='{x + WIDE / 2}' y='{y + 11}' "
                f"text-anchor='middle' style='fill:{ink}'>{value:.1f}</text>"
            )
    width, height = LEFT + WIDE * len(found.tasks), TOP + HIGH * len(found.parts)
    return f"<figure><svg viewBox='0 0 {width} {height}'>{''.join(cells)}</svg></figure>"


def named(block: str) -> str:
    """
    >>> named("encoder.stages.1.0")
    'stage 1, block 0'
    """
    stage, _, number = block.removeprefix("encoder.stages.").partition(".")
    if block.startswith("encoder.stages."):
        return f"stage {stage}, block {number}"
    return block.removeprefix("encoder.").replace(".", " ")


def sharing(found: Importance) -> list[list[str]]:
    """How alike two tasks' needs are: cosine of their damages over all parts, and who is in conflict."""
    lost = found.shared()
    rows = [["", *found.tasks, "better without, parts"]]
    for a, task in enumerate(found.tasks):
        row = [f"{_cosine(lost[:, a], lost[:, b]):.2f}" for b in range(len(found.tasks))]
        rows.append([task, *row, str(int((found.measured[:, a] < 0).sum()))])
    return rows


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
