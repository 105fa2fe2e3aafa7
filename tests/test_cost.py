"""The cost model: sensible before anything has run, and soon right about the machine it is on."""

import numpy as np
import pytest
from small import small_task

from tuning.cost import CostModel, columns_of, layers_of
from tuning.space import Config

BASE: Config = {"units": 32, "layers": 1, "bidirectional": False, "embedding": 64, "batch_size": 64, "taper": "constant"}


def model(rows: int = 7000, steps: float = 20.0) -> CostModel:
    spec = small_task("sentiment").spec
    return CostModel(spec.input, spec.output, rows, steps)


def drawn(number: int, seed: int = 0) -> list[Config]:
    rng = np.random.default_rng(seed)
    found: list[Config] = []
    for _ in range(number):
        units, layers, batch = int(rng.choice([8, 16, 32, 64, 128, 256])), int(rng.integers(1, 4)), int(rng.choice([32, 64, 128]))
        both, embedding = bool(rng.random() < 0.5), int(rng.choice([16, 32, 64, 128]))
        found.append({**BASE, "units": units, "layers": layers, "bidirectional": both, "embedding": embedding, "batch_size": batch})
    return found


@pytest.mark.parametrize(
    "more",
    [{"units": 64}, {"layers": 2}, {"bidirectional": True}, {"embedding": 128}, {"batch_size": 32}, {"units": 256, "layers": 3}],
)
def test_what_is_larger_costs_more_from_the_start(more: Config) -> None:
    assert model().epoch({**BASE, **more}) > model().epoch(BASE) > 0
    assert model().trial(BASE, 2) > model().trial(BASE, 1) > model().start(BASE) > 0


@pytest.mark.parametrize("slower", [0.3, 1.0, 8.0])
def test_a_few_epochs_teach_it_the_machine(slower: float) -> None:
    rng, truth, learned = np.random.default_rng(4), model(), model()
    for config in drawn(8, seed=1):
        seconds = slower * truth.epoch(config)
        later = seconds * float(rng.lognormal(0, 0.1))
        learned.observe(config, [later + slower * truth.start(config)])
        learned.observe(config, [later + slower * truth.start(config), later])
    for config in drawn(20, seed=2):
        assert learned.epoch(config) == pytest.approx(slower * truth.epoch(config), rel=0.35)
        assert learned.start(config) == pytest.approx(slower * truth.start(config), rel=0.5)


def test_it_learns_that_size_costs_nothing_here() -> None:
    learned = model()
    for config in drawn(40, seed=3):
        learned.observe(config, [0.0, 2.0])
    assert learned.epoch({**BASE, "units": 256}) == pytest.approx(2.0, rel=0.3)
    assert learned.epoch({**BASE, "units": 8}) == pytest.approx(2.0, rel=0.3)


def test_a_hypermodel_of_the_users_own_costs_the_mean() -> None:
    learned = model()
    for seconds in (3.0, 4.0, 3.5):
        learned.observe({"width": 7}, [0.0, seconds])
    assert learned.epoch({"width": 9}) == pytest.approx(3.5, rel=0.15)


def test_names_that_mean_something_else_in_a_users_own_model_do_no_harm() -> None:
    config: Config = {"embedding": "glove", "units": 0.5, "layers": "deep", "batch_size": "small"}
    learned = model()
    learned.observe(config, [3.0, 2.0])
    assert learned.trial(config, 2) > 0


def test_a_trace_that_was_kept_says_nothing_of_the_start() -> None:
    learned = model()
    for config in drawn(10):
        learned.observe(config, [4.0, 1.0], cold=True)
        learned.observe(config, [1.0, 1.0], cold=False)
    assert learned.start(BASE) == pytest.approx(3.0, rel=0.4)


def test_predictions_are_never_negative() -> None:
    learned = model()
    for config in drawn(10):
        learned.observe(config, [0.0, 0.0])
        learned.observe(config, [0.0])
    assert all(learned.epoch(config) >= 0 and learned.start(config) >= 0 for config in drawn(10, seed=5))


def test_tapering_layers_are_counted_as_they_are() -> None:
    def layers(config: Config) -> list[tuple[float, float]]:
        return [(float(units[0]), float(ways[0])) for units, ways in layers_of(columns_of(config), 1)]

    assert layers({"units": 32, "layers": 3, "taper": "halving"}) == [(32, 1), (16, 1), (8, 1)]
    assert layers({"units": 2, "layers": 3, "taper": "halving", "bidirectional": True}) == [(2, 2), (1, 2), (1, 2)]


def test_many_at_once_cost_what_each_costs() -> None:
    learned, configs = model(), drawn(30)
    columns = {name: np.array([config[name] for config in configs]) for name in BASE}
    together = learned.trials(columns, len(configs), 7)
    assert together == pytest.approx([learned.trial(config, 7) for config in configs])
