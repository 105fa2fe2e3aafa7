"""Is anything claimed where there is nothing to learn?

    python benchmarks/shuffled.py [--searches 40] [--budget 30s]

The composed reviews with their labels dealt out anew: whatever a network scores beyond a half is luck. An answer is right that
claims no effect of any hyperparameter (no claim from fresh seeds with p < 0.05, nothing that mattered above its noise floor)
and recommends the smallest size that was raced. 20 minutes.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from records import History, answer_of

from tuning import load_task
from tuning.codec import TextCodec

STRUCTURE = ("layers", "bidirectional", "taper", "cell", "default")


def dealt(folder: Path, seed: int) -> Path:
    """The reviews as a csv, labels shuffled."""
    task = load_task("sentiment", rows=1200)
    codec = task.spec.codec
    if not isinstance(codec, TextCodec):
        raise TypeError("the reviews are text")
    words = ["", *codec.vocabulary]
    rows = [(split.x[n], int(split.y[n])) for split in task.splits.values() for n in range(len(split))]
    labels = np.random.default_rng(seed).permutation([label for _, label in rows])
    path = folder / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for (x, _), label in zip(rows, labels, strict=True):
            writer.writerow([" ".join(words[t - 1] if 0 < t - 1 < len(words) else "the" for t in x if t), "ab"[label]])
    return path


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--budget", default="30s")
    args = parser.parse_args()
    history, silent, smallest = History("shuffled"), 0, 0
    for seed in range(args.searches):
        line = history.find(seed=seed, budget=args.budget)
        if line is None:
            with tempfile.TemporaryDirectory() as folder:
                data = str(dealt(Path(folder), seed))
                answer = answer_of("--task", "sentiment", "--seed", str(seed), "--data", data, "--budget", args.budget)
            claims = [claim["question"] for claim in answer["claims"] if claim["question"] in STRUCTURE and claim["p"] < 0.05]
            claims += [one["name"] for one in answer["importance"] if one["mattered"]]
            raced = [one["parameters_without_embedding"] for one in answer["raced"] if one["seeds"] >= 3]
            chosen = next(one["parameters_without_embedding"] for one in answer["raced"] if one["chosen"])
            line = history.add(
                seed=seed,
                budget=args.budget,
                claims=claims,
                smallest=bool(raced) and chosen == min(raced),
                units=answer["units"],
                learned=answer["learned"],
                seeds=answer["seeds"],
            )
        silent, smallest = silent + (not line["claims"]), smallest + line["smallest"]
        told = f"{line['units']} units, {line['seeds']} seeds, learned {line['learned']}, claims {line['claims'] or 'nothing'}"
        print(f"seed {seed:>2}: {told}{'' if line['smallest'] else ', NOT the smallest'}", flush=True)
    print(f"nothing claimed in {silent}, the smallest chosen in {smallest} of {args.searches}")


if __name__ == "__main__":
    main()
