"""The race on fresh seeds: who is trained again, how often, and which configuration is chosen.

The search's scores rank; the best of many noisy scores is biased, so nothing is claimed from them. The search's best, the smallest
that is close to it, the best configuration of each size, of each number of layers and direction, and the network with every default
run on seeds that the search never used.
Clear losers stop, close ones get more seeds (racing: Maron and Moore 1994; Birattari et al. 2002).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from .inference import LEVEL, Estimate, Losses, difference, estimate, not_told_apart, pooled
from .ledger import ANY, Role
from .objective import Objective
from .space import Config, same

Prefer = Literal["smallest", "one-se", "best"]
LEAST, USUAL, MOST = 3, 5, 10  # seeds: before a claim; that time is kept for; of one configuration
SMALL: Role = ("", "smallest within the margin")
DEFAULTS: Role = ("", "default")
RIVALS = {ANY, SMALL}  # roles of those that a claim is made about: the search's best, the smallest that is close to it
LOSER = 0.02  # level at which a configuration leaves the race
NO_OTHERS = (0.0, 0.0)  # nothing is known of the variance but what a configuration's own seeds show
POINT, SHARE_OF_LOSS = 0.01, 0.02  # a difference that nobody minds: of a score up to 1, of a loss


@dataclass
class Candidate:
    """A configuration in the race."""

    config: Config
    roles: tuple[Role, ...] = ()  # what it is the best of
    trial: int | None = None  # None: it was none
    search: float | None = None  # its loss in the search
    size: int = 0  # parameters without embeddings; 0 while not known
    cost: float = 0.0  # of one run as expected, in what the race is paid in (seconds, or epochs)
    most: float = 0.0  # of one run at most
    losses: dict[int, float] = field(default_factory=dict)  # number of the seed -> loss
    failed: str = ""  # why a run of it failed
    least: float = 0.0  # seconds until a run is as far as the search had been: cut before, it counts for nothing

    @property
    def key(self) -> str:
        """What makes it this one."""
        return same(self.config)


class Race:
    """Who runs next. `candidates`: the most important first."""

    def __init__(self, candidates: Sequence[Candidate], objective: Objective, strict: bool = False, enough: int = LEAST) -> None:
        self.candidates, self.objective = list(candidates), objective
        self.strict = strict  # a seed begins when the one before has ended for all
        self.enough = enough  # seeds that each still in it has, at least, before it can be settled
        self._started: dict[str, set[int]] = {}  # numbers of seeds begun

    def begun(self, candidate: Candidate) -> set[int]:
        """Numbers of a candidate's seeds that have begun or ended."""
        return self._started.get(candidate.key, set()) | candidate.losses.keys()

    def next(self, late: Collection[str] = ()) -> tuple[Candidate, int] | None:
        """A candidate (not one of `late`) and the number of its next seed; None where none is to start.

        The first until it has enough for a claim, for all others are held against it; then who has the fewest.
        """
        racing = self.racing()
        waiting = [one for one in racing if len(self.begun(one)) < MOST and one.key not in late]
        if not waiting or self.settled():
            return None
        first = not self.strict and waiting[0] is self.candidates[0] and len(self.begun(waiting[0])) < LEAST
        chosen = waiting[0] if first else min(waiting, key=lambda one: len(self.begun(one)))
        number = next(n for n in range(MOST) if n not in self.begun(chosen))  # a run that was cut leaves a gap
        if self.strict and any(len(one.losses) < number for one in racing if one.key not in late):
            return None
        return chosen, number

    def start(self, candidate: Candidate, number: int) -> None:
        """A run is under way, or has ended."""
        self._started.setdefault(candidate.key, set()).add(number)

    def racing(self) -> list[Candidate]:
        """Those that have neither failed nor clearly lost."""
        return [one for one in self.candidates if not one.failed and not self.lost(one)]

    def lost(self, candidate: Candidate) -> bool:
        """Whether the leader is better than the candidate beyond chance."""
        leader, runs = self.leader(), self.runs()
        if leader is None or candidate is leader or len(candidate.losses) < 2 or len(leader.losses) < 2:
            return False
        return difference(candidate.losses, leader.losses, pooled(runs)).p <= LOSER / max(1, len(runs) - 1)

    def leader(self) -> Candidate | None:
        """The best mean among those with as many seeds as any needs for a claim; of fewer where none has."""
        ready = [one for one in self.candidates if one.losses and not one.failed]
        most = min(LEAST, max((len(one.losses) for one in ready), default=0))
        return min((one for one in ready if len(one.losses) >= most), key=mean, default=None)

    def runs(self) -> list[Losses]:
        """Losses of those that have any."""
        return [one.losses for one in self.candidates if one.losses and not one.failed]

    @property
    def margin(self) -> float:
        """Half-width that is enough, in the objective's unit."""
        leader = self.leader()
        return margin_of(self.objective, mean(leader) if leader else 0.0)

    def half_width(self) -> float:
        """The widest half of an interval of what is still in the race against its leader; of one alone, of its mean."""
        leader, prior = self.leader(), pooled(self.runs())
        racing = self.racing()
        if leader is None or any(len(one.losses) < self.enough for one in racing):
            return math.inf
        if len(racing) < 2:
            return alone(leader, self.candidates).half_width()
        return max(difference(one.losses, leader.losses, prior).half_width() for one in racing if one is not leader)

    def settled(self) -> bool:
        """Whether the differences are known as well as anybody needs."""
        return self.half_width() <= self.margin

    def outstanding(self) -> float:
        """What the race will still cost, in all: as many seeds as it usually takes of each that is in it."""
        if self.settled():
            return 0.0
        return sum(one.cost * max(0, max(USUAL, self.enough) - len(one.losses)) for one in self.racing())


def revealed(candidates: Sequence[Candidate], objective: Objective) -> list[Candidate]:
    """The candidates as they were when the last seed ended that all who raced then have run.

    What is decided from these does not depend on how many run at a time.
    """
    shown = [replace(one, losses={}) for one in candidates]
    for number in range(MOST):
        racing = Race(shown, objective).racing()
        whole = {one.key: one.losses for one in candidates}
        if not racing or any(number not in whole[one.key] for one in racing):
            break
        for one in racing:
            one.losses[number] = whole[one.key][number]
    return shown


def alone(one: Candidate, others: Collection[Candidate]) -> Estimate:
    """A configuration's own mean; what others show of the noise counts beside its own runs."""
    return estimate(list(one.losses.values()), pooled([other.losses for other in others if other is not one and other.losses]))


def mean(candidate: Candidate) -> float:
    """The mean loss over fresh seeds."""
    return sum(candidate.losses.values()) / len(candidate.losses)


def margin_of(objective: Objective, loss: float) -> float:
    """A difference that nobody minds: one point of a score up to 1, two percent of a loss."""
    return POINT if objective.direction == "max" else SHARE_OF_LOSS * abs(loss)


def levelled(candidates: Sequence[Candidate], folds: int) -> list[Candidate]:
    """The candidates with losses as if each fold were as hard as all are in the mean, so that who lacks a hard one gains nothing.

    A loss is a configuration's plus a fold's (least squares); paired differences stay as they are. Without folds nothing changes.
    """
    runs = [(place, number % folds, loss) for place, one in enumerate(candidates) for number, loss in one.losses.items() if folds]
    if not runs:
        return list(candidates)
    places, parts, losses = map(np.array, zip(*runs, strict=True))
    design = np.zeros((len(runs), len(candidates) + folds))
    design[np.arange(len(runs)), places] = 1.0
    design[np.arange(len(runs)), len(candidates) + parts] = 1.0
    hardness = np.linalg.lstsq(design, losses)[0][len(candidates) :]
    hardness -= hardness[np.unique(parts)].mean()
    return [replace(one, losses={n: loss - float(hardness[n % folds]) for n, loss in one.losses.items()}) for one in candidates]


def rivals(best: Candidate, small: Candidate | None, allowance: float, enough: int = LEAST) -> list[Candidate]:
    """The search's best, then the smallest that is close; where enough seeds of both cannot be paid for, the other way round."""
    if small is None or small.key == best.key:
        return [best]
    pair = [best, replace(small, roles=(*small.roles, SMALL))]
    return pair if enough * (best.cost + small.cost) <= allowance else pair[::-1]


def admitted(candidates: Sequence[Candidate], objective: Objective, allowance: float, enough: int = LEAST) -> list[Candidate]:
    """Those whose usual seeds can be paid for together; the first whatever it costs, and all that have run already.

    Of the rivals, the search's best and the smallest that is close to it, as many seeds as a claim needs are `enough`.
    What clear losers do not need pays for others, so the race grows while it is run.
    """
    race = Race(candidates, objective)
    found, spent = [], 0.0
    for number, one in enumerate(candidates):
        wanted = max(USUAL, enough) if RIVALS.isdisjoint(one.roles) else enough
        price = one.cost * (len(one.losses) if one.failed or race.lost(one) else max(wanted, len(one.losses)))
        if number == 0 or one.losses or spent + price <= allowance:
            found.append(one)
            spent += price
    return found


def contenders(candidates: Collection[Candidate]) -> list[Candidate]:
    """Those that cannot be told from the best (95 %), among all with two seeds or more."""
    ready = [one for one in candidates if len(one.losses) > 1 and not one.failed]
    apart = not_told_apart([one.losses for one in ready], LEVEL)
    return [one for one, may in zip(ready, apart, strict=True) if may]


def chosen(candidates: Sequence[Candidate], prefer: Prefer, objective: Objective) -> Candidate | None:
    """The one to deliver; None where none ran.

    smallest: fewest parameters (embeddings aside) among those that cannot be told from the best and lost no more than the
    margin against it, or than one standard error of the difference where that is more (its own or the usual one, the less: neither
    a spread that others bring nor one's own failures excuse a loss). one-se: among those within one standard error of the best
    mean (Breiman et al. 1984). best: the best mean. Where seeds were too few for any claim, smallest and one-se take the margin
    alone.
    """
    ran = [one for one in candidates if one.losses and not one.failed]
    if not ran:
        return None
    claims = any(len(one.losses) >= LEAST for one in ran)
    among = contenders(ran) if claims else ran
    within = [one for one in among if len(one.losses) >= LEAST] or among  # who clearly won on two seeds won
    best = min(within, key=mean)
    if prefer == "best":
        return best
    margin, variance = margin_of(objective, mean(best)), pooled([one.losses for one in ran])[0]

    def near(one: Candidate) -> bool:
        if claims and prefer == "smallest" and one is not best:
            lost = difference(one.losses, best.losses, NO_OTHERS)
            usual = math.sqrt(2 * variance / max(1, lost.n))
            return lost.mean <= max(margin, min(lost.error, usual))
        return mean(one) <= mean(best) + (math.sqrt(variance / len(best.losses)) if claims else margin)

    return min(filter(near, within), key=lambda one: (one.size, mean(one)))
