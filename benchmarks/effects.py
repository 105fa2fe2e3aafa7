"""Do effects hold that are drawn from a search's trials, of which most paused early?

    python benchmarks/effects.py [--seeds 20]

auto is replayed on each recorded table, to half of what training the table takes. Effects of a second layer, of 8 units for 32,
and of a tenth of rates for the middle one are fitted to its trials: to all as they ended, or to those alone that were trained to
their end. Told are the root mean square of what they are off from the same fit of the whole table, and in how many replays their
95 % interval holds it.
"""

import argparse

import numpy as np
from records import ROOT, History
from threadpoolctl import threadpool_limits

from tuning.advice import Advice, Observed
from tuning.compare.runs import replaying
from tuning.compare.whole import affordable
from tuning.evidence import observed
from tuning.inference import Estimate
from tuning.ledger import Record, alive
from tuning.objective import Objective
from tuning.recorded import Table
from tuning.space import Config
from tuning.strategies import STRATEGIES

WORKERS, SHARE = 2, 0.5  # of what training all of a table takes


def records_of(table: Table, seed: int) -> list[Record]:
    """The trials of a replay."""
    study, _ = replaying(table, STRATEGIES["auto"], seed, WORKERS)
    budget = affordable(table, WORKERS, SHARE)
    study.search(lambda: budget - study.clock.now())
    return list(study.ledger.records.values())


def as_they_ended(records: list[Record], objective: Objective) -> list[Observed]:
    """All that have a score."""
    return [Observed(one.config, objective.key(one.score)) for one in records if alive(one) and one.score is not None]


def effects(advice: Advice, rates: list[float]) -> dict[str, Estimate]:
    """Three differences."""
    plain: Config = {"units": 32, "layers": 1, "bidirectional": False}
    others: dict[str, Config] = {"second layer": {**plain, "layers": 2, "taper": "constant"}, "8 units": {**plain, "units": 8}}
    found = {name: advice.effects.difference(plain, other) for name, other in others.items()}
    middle, tenth = ({"learning_rate": rates[len(rates) // part]} for part in (2, 10))
    return found | {"rate": advice.effects.difference(middle, tenth)}


def judged(found: list[Estimate], true: float) -> dict[str, float]:
    """How far off, and how often the interval held."""
    spans = [one.interval() for one in found]
    off = float(np.sqrt(np.mean([(one.mean - true) ** 2 for one in found])))
    return {"true": true, "off": off, "held": float(np.mean([low <= true <= high for low, high in spans]))}


def main() -> None:
    """All tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    history = History("effects")
    for path in sorted((ROOT / "benchmarks" / "recorded").glob("*.json.gz")):
        table = Table.load(path)
        rates = sorted({float(row.config["learning_rate"]) for row in table.rows})
        rows = [Observed(row.config, float(quality)) for row, quality in zip(table.rows, table.qualities, strict=True)]
        truth = effects(Advice(rows), rates)
        with threadpool_limits(1, user_api="blas"):
            played = [records_of(table, seed) for seed in range(args.seeds)]
        for how, taken in (("as they ended", as_they_ended), ("trained to their end", observed)):
            found = [effects(Advice(taken(records, Objective.parse(table.objective))), rates) for records in played]
            told = {name: judged([one[name] for one in found], true.mean) for name, true in truth.items()}
            history.add(table=table.task, how=how, seeds=args.seeds, effects=told)
            words = "; ".join("{} {true:+.4f} off by {off:.4f}, held {held:.0%}".format(name, **one) for name, one in told.items())
            print(f"{table.task:10} {how:22} {words}", flush=True)


if __name__ == "__main__":
    main()
