"""What `search --list` and `search --dry-run` print."""

from __future__ import annotations

from ..recipe import load_recipe, load_task
from ..settings import Settings


def listed(what: str) -> int:
    """Print the tasks, strategies or objectives there are."""
    if what == "strategies":
        from ..strategies import METHODS

        for name, method in METHODS.items():
            print(f"{name:<12}{method.words}")
    elif what == "tasks":
        from ..recipe import recipe_files

        for name in recipe_files():
            recipe = load_recipe(name)[1]
            own = ", --data" if recipe.own else ""
            print(f"{name:<12}{recipe.summary} (sources: {', '.join(recipe.sources)}{own})")
    else:
        from ..metrics import METRICS
        from ..objective import Objective

        for kind, names in METRICS.items():
            print(f"{kind:<10}{', '.join(f'val_{name} ({Objective.parse(name).direction})' for name in names)}")
    return 0


def dry_run(settings: Settings) -> int:
    """Print what was understood, without training anything."""
    from .. import searching
    from ..opened import cost_model
    from ..space import told
    from ..strategies import STRATEGIES

    STRATEGIES[settings.strategy]
    task = load_task(settings.task, settings.data)
    spec = task.spec
    rows = ", ".join(f"{part} {count}" for part, count in spec.rows.items())
    print(f"task {spec.name} from {spec.source}: family {spec.family}; rows: {rows}")
    print(f"input: {spec.input.kind} of {spec.input.size}, up to {spec.input.steps} steps")
    print(f"output: {spec.output.kind} of {spec.output.size}")
    for note in settings.notes(spec):
        print(f"note: {note}")
    objective = searching.objective_of(settings, task)
    searching.require_folds(settings, task)
    for name, parts in spec.baselines.items():
        print(f"baseline {name}: {objective.name} {parts['valid'].get(objective.metric, float('nan')):.4f}")
    space = searching.space_for(settings, task)
    for parameter in space.parameters:
        print(f"  {parameter.name:<18}{told(parameter.domain)} (default {parameter.domain.default})")
    if settings.hypermodel is None:
        costs, default = cost_model(task, spec.epochs_per_pass), space.default()
        max_epochs, _ = settings.lengths(spec)
        whole = costs.trial(default, max_epochs)
        epoch = f"an epoch of every default about {costs.epoch(default):.2g} s"
        print(f"predicted before anything has run: {epoch}, {max_epochs} epochs {whole:.2g} s")
    limit = settings.limit()
    print(f"strategy {settings.strategy}, objective {objective.name} ({objective.direction}), budget {vars(limit)}")
    return 0
