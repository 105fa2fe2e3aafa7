"""Smaller sizes are tried with the best's other settings, until they are worse."""

from tuning.descent import FEW, smaller
from tuning.ledger import Ledger
from tuning.objective import Objective
from tuning.opened import sizes_of
from tuning.report.source import Silent
from tuning.space import Config, Grid, Interval, Parameter, Space

SIZES = (2, 4, 8, 16, 32, 64)
GOOD = 0.005  # the rate that suits all sizes


def told(ledger: Ledger, config: Config, score: float | None) -> None:
    """A trial that is asked for and, with a score, ends."""
    number = len(ledger.records)
    ledger.apply({"event": "asked", "trial": number, "config": config, "epochs": 3, "until": 3, "seed": 0})
    ledger.apply({"event": "started", "trial": number, "attempt": 1, "worker": 1})
    if score is not None:
        figures = {"score": score, "best_epoch": 1, "parameters": config["units"], "parameters_without_embedding": config["units"]}
        ledger.apply({"event": "epoch", "trial": number, "epoch": 1, "metrics": {}, "seconds": 1.0, "score": score})
        ledger.apply({"event": "finished", "trial": number, **figures})


def searched(need: int) -> Ledger:
    """Poor rates but for one trial of 32 units."""
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for number in range(FEW - 1):
        told(ledger, {"units": SIZES[number % len(SIZES)], "rate": 0.1 + number}, 0.6)
    told(ledger, {"units": 32, "rate": GOOD}, score(32, need))
    return ledger


def score(units: int, need: int) -> float:
    """Of a well tuned network."""
    return 0.95 if units >= need else 0.8


def descended(ledger: Ledger, need: int) -> list[int]:
    """The sizes that are tried, one after another."""
    found = []
    while (config := smaller(ledger, SIZES)) is not None:
        assert config["rate"] == GOOD
        found.append(int(config["units"]))
        told(ledger, config, score(found[-1], need))
    return found


def test_sizes_are_tried_down_to_two_that_are_worse() -> None:
    assert descended(searched(8), 8) == [16, 8, 4, 2]
    assert descended(searched(16), 16) == [16, 8, 4]
    assert descended(searched(32), 32) == [16, 8]


def test_a_size_that_is_as_good_already_is_not_tried_again() -> None:
    ledger = searched(4)
    told(ledger, {"units": 16, "rate": 0.004}, 0.945)
    assert descended(ledger, 4) == [8, 4, 2]


def test_one_must_end_before_the_next_is_tried() -> None:
    ledger = searched(4)
    config = smaller(ledger, SIZES)
    assert config is not None
    told(ledger, config, None)
    assert smaller(ledger, SIZES) is None


def test_a_better_one_is_gone_down_from_anew() -> None:
    ledger = searched(32)
    descended(ledger, 32)
    told(ledger, {"units": 16, "rate": 0.006}, 0.97)
    assert smaller(ledger, SIZES) == {"units": 8, "rate": 0.006}


def test_few_trials_have_no_best_to_go_down_from() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    told(ledger, {"units": 32, "rate": GOOD}, 0.9)
    assert smaller(ledger, SIZES) is None


def test_only_a_grid_of_numbers_has_sizes() -> None:
    def of(domain: Grid | Interval) -> list[int]:
        return sizes_of(Space(parameters=(Parameter(name="units", domain=domain),)))

    assert of(Grid(values=(16, 4, 8), default=8)) == [4, 8, 16]
    assert of(Interval(low=1.0, high=64.0, log=True, default=8.0)) == []
    assert of(Grid(values=("small", "large"), default="small")) == []
