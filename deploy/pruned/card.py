"""The model card of a pruned bundle: what it was, what was taken out, what it learnt from."""

from __future__ import annotations

from pathlib import Path

from deploy.card import learnt
from perception import bundle as bundles
from perception.bundle import LEDGER_INFO, ModelSpec
from perception.sinks.files import write_whole

TEMPLATE = Path(__file__).with_name("card.template.md")


def write_card(folder: Path, spec: ModelSpec, before: ModelSpec) -> None:
    """Write README.md and model.json of `spec`, made of the bundle `before`, into `folder`."""
    facts = spec.info["pruned"]
    text = TEMPLATE.read_text().format(
        name=spec.name,
        version=spec.version,
        tasks=", ".join(spec.tasks),
        origin=facts["from"],
        by=facts["by"],
        before=", ".join(map(str, facts["widths_before"])),
        widths=", ".join(map(str, facts["widths"])),
        steps=facts["steps"],
        macs=spec.info["macs"] / 1e9,
        macs_before=before.info.get("macs", 0) / 1e9,
        parameters=spec.info["parameters"] / 1e6,
        parameters_before=before.info.get("parameters", 0) / 1e6,
        learnt=learnt(spec.info.get(LEDGER_INFO)),
    )
    write_whole(folder / "README.md", text.encode())
    bundles.write(folder, spec)
