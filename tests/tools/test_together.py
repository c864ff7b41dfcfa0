"""What docs/results holds of networks that learnt together."""

from __future__ import annotations

import json

from perception.training.analysis.compare import PRESETS, planned, summary
from perception.training.analysis.runs import results
from tools.together import KEPT, LONG


def test_the_comparison_is_that_of_the_runs_beside_it():
    folder, done = (KEPT / LONG).parent, {}
    while (more := results(planned(PRESETS["verdict"], done), folder)) != done:
        done = more
    assert sum(map(len, done.values())) == 30
    said, made = json.loads((KEPT / f"{LONG}.json").read_text()), json.loads(json.dumps(summary(done)))
    assert {name: said[name] for name in made} == made
