"""The latency table: blocks of a network, their files, what they foretell; through the command."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from typer.testing import CliRunner

from deploy.latency import table
from deploy.latency.blocks import blocks, network
from deploy.latency.command import latency
from deploy.latency.graphs import JOINS, KERNELS, Block, model
from perception.cli import app
from perception.errors import DataError, SinkError
from perception.model.fuse import macs
from perception.model.shape import DEFAULT, Design, Shape
from perception.training.search.space import Space

TASKS = ("detection", "lanes", "signs", "drivable")
SIZE = (96, 64)
TINY = ("width1=16", "width2=16", "width3=32", "width4=32", "depth1=1", "depth2=1", "depth3=1,2", "depth4=1")
OPTIONS = [*TINY, "neck=16", "scale=1", "sharing=hard", "balance=equal"]


def convolved(parts):
    """Multiply-accumulates of all convolutions."""
    kernels = [KERNELS.get(part.kind, 0) ** 2 for part in parts]
    return sum(
        k * p.inputs * p.outputs * (p.height // p.stride) * (p.width // p.stride)
        for k, p in zip(kernels, parts, strict=True)
    )


@pytest.mark.parametrize("sharing", ["hard", "branch2", "encoder_decoder", "separate"])
@pytest.mark.parametrize("shape", [DEFAULT, Shape((16, 32, 48, 64), (2, 1, 2, 1), 32)])
def test_blocks_are_all_arithmetic_of_a_network(sharing, shape):
    design = Design(sharing, shape, SIZE)
    assert convolved(blocks(design, TASKS)) == macs(network(design, TASKS), SIZE, TASKS)


@pytest.mark.parametrize("kind", [*KERNELS, *JOINS])
def test_the_file_of_a_block_runs_in_integers(kind, tmp_path):
    stride = {"stem": 4, "down": 2}.get(kind, 1)
    block = Block(kind, 3 if kind == "stem" else 16, 16, stride, 8, 16)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "plain.onnx")
    options.log_severity_level = 3
    session = ort.InferenceSession(model(block), options, providers=["CPUExecutionProvider"])
    given = {name: np.full(shape, 9, np.uint8) for name, shape in block.given.items()}
    (out,) = session.run(None, given)
    assert out.shape == ((1, 16, 8, 16) if kind == "last" else (1, 8 // stride, 16 // stride, 16))
    assert out.dtype == (np.float32 if kind == "last" else np.uint8)


def small(factor=2.0):
    design = Space.of(SIZE, SIZE, [*OPTIONS, "depth3=2"]).smallest()[0].design
    return design, table.Table(
        "a processor", TASKS, dict.fromkeys(blocks(design, TASKS), 0.5), {"hard": factor}
    )


def test_a_network_takes_what_its_blocks_take_and_a_share_more():
    design, made = small()
    count = len(blocks(design, TASKS))
    assert made.predict(design) == pytest.approx(2.0 * 0.5 * count)
    deeper = replace(design, shape=replace(design.shape, depths=(1, 1, 3, 1)))
    assert made.predict(deeper) == pytest.approx(made.predict(design) + 2.0 * 0.5)


def test_a_table_without_a_block_or_a_way_to_share_is_named():
    design, made = small()
    with pytest.raises(DataError, match=r"expected one with \('block', 16, 48, 2.*perception mtl latency"):
        made.predict(replace(design, shape=replace(design.shape, widths=(16, 16, 48, 32))))
    with pytest.raises(DataError, match="expected one with branch1"):
        made.predict(replace(design, sharing="branch1"))


def test_a_table_is_read_as_written_and_one_of_another_processor_is_told(tmp_path, capsys):
    _, made = small()
    made.write(tmp_path / "table.json")
    again = table.read(tmp_path / "table.json")
    assert (again.times, again.factor, again.tasks) == (made.times, made.factor, made.tasks)
    assert "a table of another processor, a processor" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "blocks": [[1]]}'])
def test_what_is_no_table_is_named(tmp_path, text):
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(DataError, match="expected a latency table of format 1"):
        table.read(tmp_path / "table.json")


def test_pairs_hold_every_block_of_the_space():
    space = Space.of(
        SIZE, SIZE, ["width1=16,32", "width2=16,48,64", "width3=32,64", "width4=32", "neck=16,32"]
    )
    space = replace(space, choices={**space.choices, "sharing": ("hard", "branch2")})
    known = {part for design in space.pairs() for part in blocks(design, TASKS)}
    rng = np.random.default_rng(0)
    for _ in range(20):
        chosen = {name: own[rng.integers(len(own))] for name, own in space.choices.items()}
        assert set(blocks(space.candidate(chosen).design, TASKS)) <= known


def test_the_command_times_a_small_space_and_the_shipped_network(tmp_path):
    chosen = [part for option in (*OPTIONS, "sharing=branch2") for part in ("--choose", option)]
    out = tmp_path / "table.json"
    result = CliRunner().invoke(app, ["mtl", "latency", "--out", str(out), "--input", "96x64", *chosen])
    assert result.exit_code == 0, result.output
    made = table.read(out)
    assert min(made.times.values()) > 0
    assert set(made.factor) == {"hard", "branch2"}
    assert made.predict(Space.of(SIZE, SIZE).shipped.design) > 0


def test_a_table_that_cannot_be_written_is_refused_before_anything_is_timed(tmp_path):
    with pytest.raises(SinkError, match="expected to write a file, got a folder"):
        latency(tmp_path, SIZE, ["no such choice"])


def test_networks_that_were_not_fitted_are_checks():
    space = Space.of(SIZE, SIZE, [*OPTIONS, "depth3=1,2,3"])
    made = table.make(space.pairs(), space.spread, TASKS)
    between, shipped = [row["design"] for row in made.checks]
    assert "x1-1-2-1" in between
    assert "x1-3-4-2" in shipped
    assert all({"predicted_ms", "measured_ms", "error_percent"} < set(row) for row in made.checks)
