"""Whether the answer's intervals hold: races on made-up networks whose true scores are known.

    python benchmarks/coverage.py [--tables 2000]

Each table has sizes with a true loss (flat, saturating, or best in the middle), a noise between seeds (of one size up to three
times that of another), a search that found a more or less well tuned network of each size and judged it by one noisy score, and
costs that grow with size. The race is run as a search runs it, within an allowance. Then every 95 % interval the answer would print
is held against the truth: of the chosen's mean, and of each other configuration's cost against it. A minute and a half for 500.
"""

import argparse
from collections import Counter
from dataclasses import replace

import numpy as np
from records import History

from tuning.inference import difference, estimate, pooled
from tuning.ledger import ANY
from tuning.objective import Objective
from tuning.race import LEAST, Candidate, Race, admitted, chosen, contenders, margin_of, rivals

SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
OBJECTIVE = Objective.parse("val_accuracy")


def truth(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The true mean loss of each size's network, and the noise of one run."""
    place = np.linspace(0, 1, len(SIZES))
    shape = rng.integers(3)
    curve = [np.zeros(len(SIZES)), np.exp(-4 * place), (place - rng.uniform(0.2, 0.8)) ** 2][shape]
    detuned = rng.exponential(rng.uniform(0.0, 0.01), len(SIZES))
    noise = rng.uniform(0.002, 0.015) * np.exp(rng.uniform(0, np.log(3)) * rng.uniform(-0.5, 0.5, len(SIZES)))
    return 0.1 + rng.uniform(0.005, 0.08) * curve + detuned, noise


def raced(rng: np.random.Generator) -> tuple[list[Candidate], dict[str, float]]:
    """One race: the candidates with their losses, and the truth of each."""
    means, noise = truth(rng)
    everyone = []
    for size, mean, deviation in zip(SIZES, means, noise, strict=True):
        search = mean + deviation * rng.standard_normal() - deviation  # the best of several was taken
        everyone.append(Candidate({"units": size}, (("units", size),), size, search, size * size, 1.0 + size / 32))
    known = {one.key: (means[SIZES.index(int(one.size**0.5))], noise[SIZES.index(int(one.size**0.5))]) for one in everyone}
    allowance, spent = float(rng.uniform(40, 400)), 0.0
    everyone = ordered(everyone, allowance)
    while True:
        race = Race(admitted(everyone, OBJECTIVE, allowance), OBJECTIVE)
        due = race.next()
        if due is None or spent + due[0].cost > allowance:
            break
        one, number = due
        spent += one.cost
        one.losses[number] = known[one.key][0] + known[one.key][1] * rng.standard_normal()
    return [one for one in everyone if one.losses], {key: value[0] for key, value in known.items()}


def ordered(everyone: list[Candidate], allowance: float) -> list[Candidate]:
    """As a search takes them: its best and the smallest that is close to it first, then the more promising."""
    found = sorted(everyone, key=lambda one: one.search or 0.0)
    best = replace(found[0], roles=(ANY, *found[0].roles))
    close = (best.search or 0.0) + margin_of(OBJECTIVE, best.search or 0.0)
    small = min((one for one in (best, *found[1:]) if (one.search or 0.0) <= close), key=lambda one: one.size)
    pair = rivals(best, small, allowance)
    return [*pair, *(one for one in found if one.key not in {each.key for each in pair})]


def held(rng: np.random.Generator) -> Counter[str]:
    """How many intervals of each kind there were in one race, and how many held."""
    found: Counter[str] = Counter()
    candidates, means = raced(rng)
    ready = contenders(candidates)
    one = chosen(candidates, "smallest", OBJECTIVE)
    if one is None or not ready:
        return found
    prior = pooled([each.losses for each in candidates])
    low, high = estimate(list(one.losses.values()), prior).interval()
    found["mean"] += 1
    found["mean held"] += low <= means[one.key] <= high
    for other in candidates:
        if other is not one and len(other.losses) >= 2:
            low, high = difference(other.losses, one.losses, prior).interval()
            kind = "cost" if len(other.losses) >= LEAST else "cost of two seeds"
            found[kind] += 1
            found[f"{kind} held"] += low <= means[other.key] - means[one.key] <= high
    best = min((each for each in candidates), key=lambda each: means[each.key])
    found["best"] += 1
    found["best held"] += best in ready
    found["loss"] += means[one.key] - means[best.key] <= 0.01
    return found


def main() -> None:
    """Run, print, append to the history."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=2000)
    args = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in range(args.tables):
        total += held(np.random.default_rng(seed))
    told = {"mean": "of the chosen's mean", "cost": "of a cost against it", "cost of two seeds": "... of two seeds alone"}
    told["best"] = "truly best among those not told apart"
    figures = {kind: round(total[f"{kind} held"] / max(1, total[kind]), 4) for kind in told}
    for kind, words in told.items():
        print(f"{words:<40}{figures[kind]:.1%} of {total[kind]}")
    print(f"{'chosen within 1 point of the best':<40}{total['loss'] / max(1, total['best']):.1%}")
    whole = {"tables": args.tables, "within a point": round(total["loss"] / max(1, total["best"]), 4)}
    History("coverage").add(**whole, **figures)


if __name__ == "__main__":
    main()
