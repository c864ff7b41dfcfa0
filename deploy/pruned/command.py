"""`perception mtl prune`: what it prints."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from deploy.pruned.prune import PRUNED, Wanted
from deploy.pruned.prune import prune as made
from perception import bundle as bundles
from perception.terminal import terminal

console, errors = terminal(), terminal(stderr=True)


def prune(wanted: Wanted, bundle: Path | None, out: Path) -> None:
    """Prune, and show what became smaller. Raises PerceptionError."""
    begin = perf_counter()
    spec = made(wanted, bundle, out, lambda what: errors.print(what, highlight=False))
    before, facts = bundles.read(bundles.folder(bundle)), spec.info[PRUNED]
    widths = (", ".join(map(str, facts[key])) for key in ("widths_before", "widths"))
    console.print("channels of the stages: {} before, {} now".format(*widths), highlight=False)
    for key, unit, size in (("macs", "GMAC a frame", 1e9), ("parameters", "M parameters", 1e6)):
        if key in before.info:
            console.print(
                f"{unit}: {before.info[key] / size:.2f} before, {spec.info[key] / size:.2f} now",
                highlight=False,
            )
    console.print(
        f"in {out}, {perf_counter() - begin:.0f} s. Judge it: perception evaluate --data DIR --split val "
        f"--bundle {out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
