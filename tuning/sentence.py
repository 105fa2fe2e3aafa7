"""The answer in a few sentences, as it ends a search and begins its report."""

from __future__ import annotations

from .answer_schema import Answer, Raced
from .objective import Objective
from .race import LEAST
from .words import Scale, named, span, structure


def sentence(answer: Answer, objective: Objective) -> str:
    """Units first; what cannot be told from them; what a step down costs; structure; what mattered."""
    chosen = next((one for one in answer.raced if one.chosen), None)
    if chosen is None or answer.seeds < LEAST:
        runs = "1 run on a fresh seed is" if answer.seeds == 1 else f"{answer.seeds} runs on fresh seeds are"
        return f"{_head(answer, chosen)} {runs} too few to compare sizes; a longer --budget tells more."
    if answer.learned is False:
        return (
            f"{_head(answer, chosen)} But nothing was learned: on test it is no better than a constant guess, "
            "so the smallest will do as well as any, and what differed between trials was noise."
        )
    parts = [
        _head(answer, chosen),
        _sizes(answer, chosen, objective),
        *_structure(answer),
        _mattered(answer),
        _seeds(answer, objective),
    ]
    return " ".join(part for part in parts if part)


def _head(answer: Answer, chosen: Raced | None) -> str:
    if answer.units is None:
        return "The configuration below."
    more = structure(chosen.hyperparameters) if chosen else ""
    return f"{answer.units} units{f', {more}' if more else ''}."


def _sizes(answer: Answer, chosen: Raced, objective: Objective) -> str:
    """Which sizes are as good, and what the next smaller one costs."""
    sizes = [
        one for one in answer.raced if one.units is not None and (one.chosen or any(r.startswith("units=") for r in one.best_of))
    ]
    known = sorted({one.units for one in sizes if one.units and one.seeds})
    alike = sorted({one.units for one in sizes if one.units and not one.apart and one.seeds > 1})
    once = sorted({one.units for one in sizes if one.units and not one.apart and one.seeds == 1} - set(alike))
    if len(known) < 2 or not alike:
        return ""
    seeds = {one.seeds for one in sizes if not one.apart and one.seeds > 1}
    each = f"{min(seeds)} seeds each" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)} seeds each"
    if len(alike) > 1:
        told = f"{span(alike, known)} cannot be told apart ({each})"
    elif any(one.apart and one.seeds > 1 for one in sizes):
        told = f"No other size is as good ({each})"
    else:
        return "No other size had seeds enough to be compared."
    below = [one for one in sizes if one.units and answer.units and one.units < answer.units and one.apart]
    if below:
        next_down = max(below, key=lambda one: one.units or 0)
        if next_down.cost is not None and next_down.cost_low is not None and next_down.cost_high is not None:
            told += f"; {next_down.units} costs {Scale(objective).cost(next_down.cost, next_down.cost_low, next_down.cost_high)}"
    return f"{told}." + (f" {span(once, known)} had one seed, too few to compare." if once else "")


def _structure(answer: Answer) -> list[str]:
    """The second layer and the second direction."""
    asked = {"layers": "a second layer", "bidirectional": "the second direction"}
    found = [claim.text for claim in answer.claims if claim.question in asked and claim.text.startswith(asked[claim.question])]
    return [f"{text[0].upper()}{text[1:]}." for text in found]


def _mattered(answer: Answer) -> str:
    if not answer.importance:
        return ""
    first = answer.importance[0]
    if not first.mattered:
        return "No single hyperparameter mattered beyond noise."
    return f"{named(first.name)} mattered most ({first.share:.0%}, {100 * first.low:.0f} to {100 * first.high:.0f})."


def _seeds(answer: Answer, objective: Objective) -> str:
    if answer.settled or answer.half_width is None:
        return ""
    reached, wanted = (Scale(objective).amount(value) for value in (answer.half_width, answer.margin))
    return f"The budget ended first: differences are known to +-{reached}, wanted was {wanted}."
