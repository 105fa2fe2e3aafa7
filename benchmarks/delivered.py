"""What is delivered on movie reviews: its size and test score against the best of a plain KerasTuner search of the same minutes.

    python benchmarks/delivered.py [--minutes 10] [--seeds 3]

KerasTuner's hyperband as its documentation shows it, over the same space, its best trial's model (live_peers.py); ours as a
user starts it. Medians over seeds. Parameters without embeddings; the test difference is ours less theirs. An hour.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from live import here, peer
from records import History

NAME = "mr"


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    history = History("delivered")
    found: dict[str, list[dict[str, float]]] = {"unitwise": [], "hyperband": []}
    for seed in range(args.seeds):
        for system, told in found.items():
            keys = {"system": system, "seed": seed, "minutes": args.minutes}
            line = history.find(**keys)
            if line is None:
                with tempfile.TemporaryDirectory() as folder:
                    where, seconds = Path(folder), 60 * args.minutes
                    run = here(NAME, seed, seconds, where) if system == "unitwise" else peer(system, NAME, seed, seconds, where)
                best = max(run["tests"], key=lambda test: float(test["score"]))
                figures = {key: best[key] for key in ("test", "score", "parameters_without_embedding")}
                line = history.add(**keys, **figures)
            told.append(line)
            print(
                f"{system:<10}seed {seed}: test {line['test']:.4f}, {line['parameters_without_embedding']:,} parameters", flush=True
            )
    sizes = {system: float(np.median([line["parameters_without_embedding"] for line in told])) for system, told in found.items()}
    tests = {system: float(np.mean([line["test"] for line in told])) for system, told in found.items()}
    print(f"parameters: {sizes['unitwise'] / sizes['hyperband']:.2f} of KerasTuner's (medians)")
    print(f"test: {100 * (tests['unitwise'] - tests['hyperband']):+.2f} points (means)")


if __name__ == "__main__":
    main()
