"""On few labelled rows, what do --refit, --folds and --embeddings give?

    python benchmarks/few_rows.py [--rows 500] [--seeds 6] [--budget 45]

Movie-review sentences: so many to train and validate on, 3,000 to test on; the others, without their labels, make the word vectors
(positive pointwise mutual information with neighbours, its principal directions: Levy and Goldberg 2014). Searches as a user starts
them, on the same rows. `off`: how far the validation score is from the test score. Differences from a plain search are paired by
seed, with a 95 % interval. Twenty minutes.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from records import ROOT, SHARED, History
from scipy import sparse, stats
from sklearn.decomposition import TruncatedSVD

from tuning.codec import tokens_of
from tuning.files import lines_of, read_text

TESTED, DIMENSIONS, NEAR, OFTEN = 3000, 64, 4, 5  # rows; of vectors; neighbours each side; occurrences of a word
WAYS = {
    "plain": [],
    "refit": ["--refit"],
    "folds": ["--folds", "5"],
    "vectors": ["--embeddings", "vectors.txt"],
}


def written(folder: Path, rows: int, seed: int) -> None:
    """train.csv, test.csv, and vectors.txt of the words of all other sentences."""
    pairs = [(text, end) for end in ("pos", "neg") for text in lines_of(read_text(SHARED / "mr" / f"rt-polarity.{end}"))]
    order = np.random.default_rng(seed).permutation(len(pairs))
    cuts = {"train.csv": order[:rows], "test.csv": order[rows : rows + TESTED]}
    for name, chosen in cuts.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *(pairs[row] for row in chosen)])
    unlabelled = [tokens_of(pairs[row][0], "words") for row in order[rows + TESTED :]]
    words, vectors = neighbours(unlabelled, seed)
    lines = [f"{word} {' '.join(f'{number:.5f}' for number in vector)}\n" for word, vector in zip(words, vectors, strict=True)]
    (folder / "vectors.txt").write_text("".join(lines), encoding="utf-8")


def neighbours(sentences: list[list[str]], seed: int) -> tuple[list[str], np.ndarray]:
    """Words, the most frequent first, and what they stand beside: (words, DIMENSIONS), of length 1 on average."""
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word, count in counts.most_common() if count >= OFTEN]
    ids = {word: index for index, word in enumerate(words)}
    beside: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        known = [ids[word] for word in sentence if word in ids]
        for apart in range(1, NEAR + 1):
            for pair in zip(known, known[apart:], strict=False):
                beside[pair] += 1
                beside[pair[::-1]] += 1
    (first, second), times = np.array(list(beside)).T, np.array(list(beside.values()), float)
    sums = np.bincount(first, times)
    information = np.maximum(0.0, np.log(times * sums.sum() / (sums[first] * sums[second])))
    table = sparse.coo_array((information, (first, second))).tocsr()
    vectors = TruncatedSVD(DIMENSIONS, random_state=seed).fit_transform(table)
    return words, vectors / np.linalg.norm(vectors, axis=1).mean()


def searched(folder: Path, way: str, seed: int, budget: float) -> dict[str, float]:
    """What a search tells and what its network scores."""
    argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", "sentiment", "--data", "train.csv", "--test", "test.csv"]
    argv += [*WAYS[way], "--seed", str(seed), "--budget", f"{budget:g}s", "--quiet", "--json", "--out", way]
    best = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True, cwd=folder).stdout)
    scores = best["scores"]
    return {"test": scores["test"]["value"], "valid": scores["validation"]["mean"], "seeds": scores["validation"]["n"]}


def told(name: str, values: np.ndarray) -> str:
    """A mean and its 95 % interval (Student), in points."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{name} {100 * values.mean():+.2f} ({100 * (values.mean() - half):+.2f} to {100 * (values.mean() + half):+.2f})"


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--budget", type=float, default=45.0)
    args = parser.parse_args()
    history, found = History("few_rows"), dict[str, list[dict[str, float]]]()
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            written(folder, args.rows, seed)
            for way in WAYS:
                keys = {"way": way, "seed": seed, "rows": args.rows, "budget": args.budget}
                line = history.find(**keys) or history.add(**keys, **searched(folder, way, seed, args.budget))
                found.setdefault(way, []).append(line)
                print(f"seed {seed} {way:<8} test {line['test']:.4f}, validation {line['valid']:.4f}", flush=True)
    tests = {way: np.array([line["test"] for line in lines]) for way, lines in found.items()}
    offs = {way: np.array([abs(line["valid"] - line["test"]) for line in lines]) for way, lines in found.items()}
    for way in WAYS:
        beside = "" if way == "plain" else told(", against plain", tests[way] - tests["plain"])
        print(f"{way:<8} test {100 * tests[way].mean():.2f}{beside}; validation off {100 * offs[way].mean():.2f}")


if __name__ == "__main__":
    main()
