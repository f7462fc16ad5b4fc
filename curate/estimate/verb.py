"""`curate plan`: what would run, and what it would take."""

import json
from pathlib import Path

from curate.estimate.forecast import forecast
from curate.estimate.telling import plain, render_estimate
from curate.run.opened import Run
from curate.run.plan import render_plan, state_of


def plan_text(
    run: Run, runs: Path, *, usd_per_gpu_hour: float | None = None, wide: bool = False, as_json: bool = False
) -> str:
    """Return the plan of a recipe and its estimate, as text for a terminal or as JSON."""
    found = forecast(run, runs, usd_per_gpu_hour)
    if not as_json:
        return f"{render_plan(run, wide=wide)}\n\n{render_estimate(found, wide=wide)}"
    nodes = [
        {
            "stage": node.name,
            "use": node.use,
            "key": run.keys[node.name],
            "what": state_of(run, node),
            "reads": [*node.inputs, *node.references],
        }
        for node in run.recipe.nodes
    ]
    value = {
        "recipe": run.recipe.name,
        "directory": str(run.directory),
        "engine": run.recipe.engine.kind,
        "seed": run.recipe.seed,
        "stages": nodes,
        "estimate": plain(found),
    }
    return json.dumps(value, indent=2, ensure_ascii=False)
