"""The evaluation of predicted perturbations, from files to tables: fastbench's or cell-eval's.

    python -P bench/peers/perturbation_evaluation.py TOOL FOLDER PREDICTIONS

prints a JSON object, CPU seconds of what is imported, of the first call and of the second. The folder holds
``truth.h5ad`` and ``model0.h5ad`` and so on, with the conditions in ``obs["condition"]``. cell-eval judges one
prediction a call, and needs no fastbench in its Python.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CONTROL = "non-targeting"


def spent() -> float:
    """Return the CPU seconds of this process and of its children that are over."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def cell_eval(folder: Path, predictions: int) -> Callable[[], object]:
    """Return the call that judges the first prediction by all metrics."""
    import anndata
    from cell_eval import MetricsEvaluator

    def judge() -> None:
        cells = [anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("truth", "model0")]
        with tempfile.TemporaryDirectory() as output:
            evaluator = MetricsEvaluator(
                adata_real=cells[0],
                adata_pred=cells[1],
                control_pert=CONTROL,
                pert_col="condition",
                num_threads=1,
                outdir=output,
            )
            evaluator.compute(profile="full")

    return judge


def fastbench(folder: Path, predictions: int, preset: str) -> Callable[[], object]:
    """Return the call that judges all predictions, beside baselines and halvings of the truth."""
    import fastbench as fb

    models = {f"model{number}": folder / f"model{number}.h5ad" for number in range(predictions)}
    asked = {"condition": "condition", "control": CONTROL, "preset": preset, "progress_bar": False}
    return lambda: fb.perturb(folder / "truth.h5ad", models, **asked)


def main() -> None:
    """Print the seconds."""
    tool, folder, predictions = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    begun = spent()
    if tool == "cell-eval":
        call = cell_eval(folder, predictions)
    else:
        call = fastbench(folder, predictions, tool.partition(" ")[2] or "default")
    seconds = [spent() - begun]
    for _ in range(2):
        begun = spent()
        call()
        seconds.append(spent() - begun)
    print(json.dumps(dict(zip(("import", "first", "second"), seconds, strict=True))))


if __name__ == "__main__":
    main()
