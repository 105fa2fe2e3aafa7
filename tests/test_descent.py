"""Smaller sizes are tried with the best's other settings, until they are worse."""

from tuning.descent import FEW, close, goes_on, smaller, smallest_close
from tuning.ledger import Ledger, Record
from tuning.objective import Objective
from tuning.report.source import Silent
from tuning.space import Config, Grid, Interval, Parameter, Space

SIZES = (2, 4, 8, 16, 32, 64)
WIDTHS = {"units": SIZES}
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


def paused(ledger: Ledger, config: Config, scores: list[float], pause: bool = True) -> Record:
    """A trial that had so many epochs."""
    number = len(ledger.records)
    ledger.apply({"event": "asked", "trial": number, "config": config, "epochs": 9, "until": 9, "seed": 0})
    ledger.apply({"event": "started", "trial": number, "attempt": 1, "worker": 1})
    for epoch, score in enumerate(scores, 1):
        ledger.apply({"event": "epoch", "trial": number, "epoch": epoch, "metrics": {}, "seconds": 1.0, "score": score})
        decision = "pause" if pause and epoch == len(scores) else "continue"
        ledger.apply({"event": "decided", "trial": number, "epoch": epoch, "decision": decision})
    size = int(config["units"]) * int(config.get("embedding", 1))
    figures = {"score": max(scores), "best_epoch": 1, "parameters": 9, "parameters_without_embedding": size}
    ledger.apply({"event": "finished", "trial": number, **figures})
    return ledger.records[number]


def score(units: int, need: int) -> float:
    """Of a well tuned network."""
    return 0.95 if units >= need else 0.8


def descended(ledger: Ledger, need: int) -> list[int]:
    """The sizes that are tried, one after another."""
    found = []
    while (config := smaller(ledger, WIDTHS)) is not None:
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


def test_one_that_paused_is_held_against_the_best_after_as_many_epochs() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    best = paused(ledger, {"units": 32, "rate": GOOD}, [0.8, 0.9], pause=False)
    early, whole, other = [
        paused(ledger, {"units": units, "rate": rate}, [0.795], pause)
        for units, rate, pause in ((8, GOOD, True), (4, GOOD, False), (2, 0.1, True))
    ]
    assert close(best, best, ledger.objective)
    assert close(early, best, ledger.objective)
    assert not close(whole, best, ledger.objective)  # it had its end
    assert not close(other, best, ledger.objective)  # with another rate its first epochs say nothing
    assert smallest_close(ledger) is early


def test_within_a_pass_the_first_epochs_of_a_small_one_say_nothing() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    best = paused(ledger, {"units": 32, "rate": GOOD}, [0.6, 0.7, 0.8, 0.9])
    early = paused(ledger, {"units": 4, "rate": GOOD}, [0.6])
    assert close(early, best, ledger.objective)
    assert smallest_close(ledger) is early
    assert smallest_close(ledger, epochs_per_pass=4) is best
    half = paused(ledger, {"units": 8, "rate": GOOD}, [0.6, 0.7])
    assert smallest_close(ledger, epochs_per_pass=4) is half


def test_a_size_that_paused_close_to_the_best_is_gone_down_from() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for number in range(FEW):
        told(ledger, {"units": 64, "rate": 0.1 + number}, 0.6)
    paused(ledger, {"units": 32, "rate": GOOD}, [0.8, 0.9], pause=False)
    for units, score in ((16, 0.795), (8, 0.7), (4, 0.795), (2, 0.7)):
        assert smaller(ledger, WIDTHS) == {"units": units, "rate": GOOD}
        paused(ledger, {"units": units, "rate": GOOD}, [score])
    assert smaller(ledger, WIDTHS) is None


def test_the_smallest_close_is_the_best_itself_where_nothing_else_is() -> None:
    ledger = searched(32)
    assert smallest_close(ledger) is ledger.best
    assert smallest_close(Ledger(Silent(), Objective.parse("val_accuracy"))) is None


def test_one_must_end_before_the_next_is_tried() -> None:
    ledger = searched(4)
    config = smaller(ledger, WIDTHS)
    assert config is not None
    told(ledger, config, None)
    assert smaller(ledger, WIDTHS) is None


def test_a_better_one_is_gone_down_from_anew() -> None:
    ledger = searched(32)
    descended(ledger, 32)
    told(ledger, {"units": 16, "rate": 0.006}, 0.97)
    assert smaller(ledger, WIDTHS) == {"units": 8, "rate": 0.006}


def test_few_trials_have_no_best_to_go_down_from() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    told(ledger, {"units": 32, "rate": GOOD}, 0.9)
    assert smaller(ledger, WIDTHS) is None


def test_a_best_that_had_no_more_than_a_first_epoch_is_not_gone_down_from() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for number in range(FEW):
        paused(ledger, {"units": 32, "rate": GOOD + number}, [0.9 - number / 10])
    assert smaller(ledger, WIDTHS) is None
    paused(ledger, {"units": 32, "rate": 0.1}, [0.8, 0.95])
    assert smaller(ledger, WIDTHS) == {"units": 16, "rate": 0.1}


def well_embedded() -> Ledger:
    """Poor rates but for one trial of 2 units and an embedding of 64 dimensions, that ended."""
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for number in range(FEW):
        paused(ledger, {"units": 2, "embedding": 64, "rate": 0.1 + number}, [0.6])
    paused(ledger, {"units": 2, "embedding": 64, "rate": GOOD}, [0.8, 0.9], pause=False)
    return ledger


def test_narrower_embeddings_are_tried_when_no_smaller_size_is_left_until_one_is_worse() -> None:
    ledger, widths = well_embedded(), {"units": SIZES, "embedding": (8, 16, 32, 64)}
    for embedding, score in ((32, 0.895), (16, 0.7)):
        expected: Config = {"units": 2, "embedding": embedding, "rate": GOOD}
        assert smaller(ledger, widths) == expected
        paused(ledger, expected, [0.6, score], pause=False)
    assert smaller(ledger, widths) is None
    small = smallest_close(ledger)
    assert small is not None
    assert small.config["embedding"] == 32


def test_without_embeddings_to_choose_from_none_is_tried() -> None:
    assert smaller(well_embedded(), {"units": SIZES, "embedding": ()}) is None
    assert smaller(well_embedded(), {"units": SIZES}) is None


def test_the_best_made_smaller_goes_on_while_it_is_not_far_behind_after_as_many_epochs() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    best = paused(ledger, {"units": 32, "embedding": 64, "rate": GOOD}, [0.8, 0.9], pause=False)

    def would(score: float, units: int = 8, embedding: int = 64, rate: float = GOOD) -> bool:
        return goes_on(paused(ledger, {"units": units, "embedding": embedding, "rate": rate}, [score]), ledger)

    assert would(0.785)  # two points are allowed
    assert would(0.785, units=32, embedding=16)
    assert not would(0.775)
    assert not would(0.785, rate=0.1)  # another's settings
    assert not would(0.785, embedding=128)
    told(ledger, {"units": 8, "embedding": 64, "rate": 0.1}, 0.895)
    assert would(0.785, embedding=32)
    assert not would(0.785, units=16)  # it would not be the smallest that is close
    assert not goes_on(best, ledger)


def test_an_embedding_that_is_no_number_is_a_setting_like_others() -> None:
    ledger = Ledger(Silent(), Objective.parse("val_accuracy"))
    for number in range(FEW):
        told(ledger, {"units": 2, "rate": 0.1 + number, "embedding": "glove"}, 0.6)
    told(ledger, {"units": 2, "rate": GOOD, "embedding": "glove"}, 0.9)
    assert smaller(ledger, WIDTHS) is None
    told(ledger, {"units": 2, "rate": GOOD, "embedding": "none"}, 0.89)
    assert not goes_on(ledger.records[FEW + 1], ledger)


def test_only_a_grid_of_numbers_has_sizes() -> None:
    def of(domain: Grid | Interval) -> list[int]:
        return Space(parameters=(Parameter(name="units", domain=domain),)).sizes

    assert of(Grid(values=(16, 4, 8), default=8)) == [4, 8, 16]
    assert of(Interval(low=1.0, high=64.0, log=True, default=8.0)) == []
    assert of(Grid(values=("small", "large"), default="small")) == []
