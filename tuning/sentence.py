"""The answer in a few sentences, as it ends a search and begins its report."""

from __future__ import annotations

from collections.abc import Sequence

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
    told += _next_down([one for one in sizes if (one.units or 0) < (answer.units or 0)], objective)
    return f"{told}." + (f" {span(once, known)} had one seed, too few to compare." if once else "")


def _next_down(smaller: Sequence[Raced], objective: Objective) -> str:
    """What the next smaller size costs that was passed over."""
    worse = [one for one in smaller if (one.apart and one.seeds > 1) or (one.seeds >= LEAST and (one.cost or 0.0) > 0)]
    one = max(worse, key=lambda one: one.units or 0, default=None)
    if one is None or one.cost is None or one.cost_low is None or one.cost_high is None:
        return ""
    verb = "costs" if one.apart else "seems to cost"
    return f"; {one.units} {verb} {Scale(objective).cost(one.cost, one.cost_low, one.cost_high)}"


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
    return f"The budget ended first: differences are known to +-{reached} at worst, wanted was {wanted}."
