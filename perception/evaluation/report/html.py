"""The parts of a page, as HTML. A page holds all it shows: its policy lets the browser load nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from perception.tasks import TASKS

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fdfdfb; --soft: #555; --line: #ddd; --pale: #f0f0ec;
  --bad: #a93226; --good: #1e8449; --other: #6c5b9e; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #1c1d1f; --soft: #a5a5a0; --line: #3a3b3d;
  --pale: #27282b; --bad: #ee8478; --good: #62c98c; --other: #a996dd; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 78rem; padding: 1rem; overflow-wrap: anywhere; } p { max-width: 64rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
summary { cursor: pointer; margin: 0.6rem 0; }
figure { margin: 0.8rem 0; overflow-x: auto; } figcaption { font-size: 0.9rem; }
figure > svg { width: 50rem; max-width: 100%; min-width: 30rem; height: auto; background: #fdfdfb; }
figure > svg text { fill: #222; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.88rem;
  overflow-wrap: normal; }
th, td { padding: 0.25rem 0.6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper);
  white-space: normal; min-width: 6rem; }
.worse { color: var(--bad); font-weight: 600; } .better { color: var(--good); font-weight: 600; }
p.note { color: var(--soft); font-size: 0.9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 0.7rem; }
.card { background: var(--pale); border-left: 4px solid var(--hue, var(--soft)); border-radius: 4px;
  padding: 0.5rem 0.8rem; }
.card b { display: block; font-size: 1.5rem; line-height: 1.3; } .card span { color: var(--soft);
  font-size: 0.85rem; display: block; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr));
  gap: 4px; font-size: 0.8rem; color: var(--soft); }
.pictures img { display: block; width: 100%; height: auto; }
.rows { display: grid; grid-template-columns: fit-content(40%) 1fr auto; gap: 0 0.8rem; align-items: center;
  font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.rows svg { width: 100%; height: 1.7rem; overflow: visible; } .rows .end { text-align: right; }
.key { font-size: 0.85rem; } .key span { margin-right: 1rem; white-space: nowrap; }
.key span::before { content: ""; display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%;
  background: var(--hue); margin-right: 0.4em; }
svg text { fill: var(--ink); font-size: 12px; } svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .grid { stroke: var(--line); stroke-width: 1; }
.square { width: 22rem; max-width: 100%; height: auto; } .wide { width: 100%; height: 11rem; }
.side { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; }
"""
ABSENT = "No picture: the drive could not be opened again when this page was made."
COLOURS = {  # of a task, or a part of one: on white, on black
    name: colours for task in TASKS.values() for name, colours in task.about.colours.items()
}


def page(title: str, parts: Iterable[str]) -> str:
    """A whole document."""
    head = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}{_hues()}</style><h1>{escape(title)}</h1>"
    )
    return "\n".join([head, *parts, "</html>\n"])


def table(rows: Sequence[Sequence[str]], marks: Mapping[tuple[int, int], str] | None = None) -> str:
    """A header row first. `marks`: (row, column) -> "better" or "worse", the colour of a cell."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = []
    for i, row in enumerate(rows[1:], 1):
        known = [(marks or {}).get((i, j), "") for j in range(len(row))]
        cells = [
            f"<td{f' class={mark}' * bool(mark)}>{escape(cell)}</td>"
            for cell, mark in zip(row, known, strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    inside = f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f"<div class=scroll><table>{inside}</table></div>"


def cards(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """(hue, what, value, note) of each."""
    inside = "".join(
        f"<div class=card style='--hue:var(--{hue})'>{escape(what)}<b>{escape(value)}</b>"
        f"<span>{escape(note)}</span></div>"
        for hue, what, value, note in rows
    )
    return f"<div class=cards>{inside}</div>"


def pictures(title: str, note: str, images: Mapping[str, bytes]) -> str:
    """JPEGs side by side, below each other on a phone; the key of `images` says what one shows."""
    inside = "".join(
        f"<div>{escape(what)}<img alt='{escape(what, quote=True)}' "
        f"src='data:image/jpeg;base64,{b64encode(jpeg).decode()}'></div>"
        for what, jpeg in images.items()
    )
    inside = inside or escape(ABSENT)
    text = f"<b>{escape(title)}</b> {escape(note)}"
    return f"<figure><figcaption>{text}</figcaption><div class=pictures>{inside}</div></figure>"


def folded(summary: str, inside: str, is_open: bool = False) -> str:
    return f"<details{' open' * is_open}><summary>{escape(summary)}</summary>{inside}</details>"


def note(text: str) -> str:
    return f"<p class=note>{escape(text)}</p>"


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def _hues() -> str:
    """The colours of the tasks, as variables."""
    light, dark = (" ".join(f"--{name}: {pair[k]};" for name, pair in COLOURS.items()) for k in range(2))
    return f":root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def hue(task: str) -> str:
    """The name of a task's colour."""
    return task if task in COLOURS else "other"
