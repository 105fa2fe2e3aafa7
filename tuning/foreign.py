"""Trials from elsewhere, as a table with columns of any name, turned into what advice is drawn from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import stats

from .advice import Observed
from .errors import BadValue
from .objective import Objective
from .space import Config, Value
from .tables import column, read_table
from .task import DataOptions

ROLES = ("units", "layers", "bidirectional", "taper")
FIGURES = ("parameters", "seconds")
WHOLE = ("units", "layers", "parameters")
OUTCOME = re.compile(r"^id$|epoch|seconds|time$|duration|score|acc|f1|auc|loss|error|perplexity|seed|date", re.IGNORECASE)
MANY = 40  # values beyond which a column of words is a name, not a setting
FOLLOWS = 0.5  # share of a column's variance that units and layers explain, from which it follows from them
YES = ("true", "yes", "bi", "bidirectional", "both", "bilstm", "1", "1.0")
NO = ("false", "no", "uni", "unidirectional", "one", "forward", "lstm", "0", "0.0")
UNSAID = ("", "nan", "none")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
DECIMAL = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
Columns = Mapping[str, Sequence[str]]


@dataclass
class Foreign:
    """The trials, and what was made of the table's columns."""

    trials: list[Observed]
    objective: Objective
    names: dict[str, str]  # this package's word -> the table's column
    rows: int
    left_out: dict[str, str] = field(default_factory=dict)  # column -> why


def foreign(path: Path, score: str, given: Mapping[str, str], where: Sequence[tuple[str, str]], ignored: Sequence[str]) -> Foreign:
    """Read a table. `score`: a column, or COLUMN:min or :max; `given`: role -> column; `where`: columns that must have a value.

    Raises DataError, UnknownName or BadValue.
    """
    table = read_table(path, DataOptions())
    name, _, direction = score.partition(":")
    name = column(table, name, (), "the score")
    names = {role: column(table, given[role], (), role) for role in given}
    for wanted, value in where:
        wanted = column(table, wanted, (), "--where")
        kept = [cell == value for cell in table[wanted]]
        if not any(kept):
            known = sorted(set(table[wanted]))[:8]
            raise BadValue(f"--where {wanted}={value} leaves no row; {wanted} has {', '.join(known)}")
        table = {key: [cell for cell, keep in zip(cells, kept, strict=True) if keep] for key, cells in table.items()}
    whole = [names[role] for role in WHOLE if role in names]
    table = {key: pointed(cells, key in whole) for key, cells in table.items()}
    odd = next((cell for cell in table[name] if "," in cell), None)
    if odd is not None:
        raise BadValue(f"a score has commas for thousands, or in every row for decimals; column {name} has {odd!r}")
    objective = Objective.parse(f"{name}:{direction}" if direction else name)
    scores = np.array([_number(cell) for cell in table[name]])
    found = Foreign([], objective, names, len(scores))
    roles = {role: [_value(role, cell) for cell in table[source]] for role, source in names.items()}
    settings = _settings(table, {name, *names.values()}, ignored, scores, roles, found)
    columns: dict[str, Sequence[Value | None]] = {**roles, **settings}
    for index in np.flatnonzero(np.isfinite(scores)):
        config: Config = {}
        for role, values in columns.items():
            setting = values[int(index)]
            if role not in FIGURES and setting is not None:
                config[role] = setting
        figures = {role: _figure(roles, role, int(index)) for role in FIGURES}
        size = figures["parameters"]
        loss = objective.key(float(scores[index]))
        found.trials.append(Observed(config, loss, round(size) if size else None, figures["seconds"]))
    return found


def _figure(roles: Mapping[str, Sequence[Value | None]], role: str, index: int) -> float | None:
    value = roles[role][index] if role in roles else None
    return float(value) if isinstance(value, (int, float)) else None


def _value(role: str, cell: str) -> Value | None:
    """A cell in this package's words; of a list of sizes the first layer's. None where nothing is said."""
    low = cell.strip().lower()
    if role == "taper":
        return cell or None
    if role == "bidirectional":
        if low in UNSAID:
            return None
        if low not in (*YES, *NO):
            raise BadValue(f"bidirectional takes yes or no ({', '.join((*YES, *NO))}), not {cell!r}")
        return low in YES
    value = _number(cell)
    return None if not np.isfinite(value) else int(value) if role != "seconds" and value == int(value) else value


def _number(cell: str) -> float:
    """The first number in a cell; NaN where there is none.

    >>> _number("[100, 75]"), _number(".95"), _number("95 %")
    (100.0, 0.95, 95.0)
    """
    found = re.search(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", cell)
    return float(found.group()) if found else float("nan")


def pointed(cells: list[str], whole: bool = False) -> list[str]:
    """A column's numbers with points for decimals and nothing between thousands, as all of its cells together tell.

    `whole`: numbers without decimals, so that what stands between two of them makes a list.

    >>> pointed(["1,234", "812"]), pointed(["0,912", "0,95 %"]), pointed(["[100, 75]", "1,5"])
    (['1234', '812'], ['0.912', '0.95 %'], ['[100, 75]', '1,5'])
    """
    commas = [cell.strip().removesuffix("%").strip() for cell in cells if "," in cell]
    if commas and all(THOUSANDS.fullmatch(cell) for cell in commas):
        return [cell.replace(",", "") for cell in cells]
    if commas and not whole and all(DECIMAL.fullmatch(cell) for cell in commas) and not any("." in cell for cell in cells):
        return [cell.replace(",", ".") for cell in cells]
    return cells


def _settings(
    table: Columns,
    used: set[str],
    ignored: Sequence[str],
    scores: np.ndarray,
    roles: Mapping[str, Sequence[Value | None]],
    found: Foreign,
) -> dict[str, list[Value]]:
    """The other columns that are settings, and of the rest why they are not."""
    ignored = [column(table, name, (), "--ignore") for name in ignored]
    kept: dict[str, list[Value]] = {}
    for name, cells in _expanded({name: cells for name, cells in table.items() if name not in used}).items():
        why = "as asked" if name in ignored else _unfit(name, cells, scores, roles)
        if why:
            found.left_out[name] = why
            continue
        values = [_plain(cell) for cell in cells]
        same = next((other for other in kept if _determines(kept[other], values)), None)
        if same:
            found.left_out[name] = f"{same} tells it"
            continue
        for other in [other for other in kept if _determines(values, kept[other])]:
            kept.pop(other)
            found.left_out[other] = f"{name} tells it"
        kept[name] = values
    return kept


def _expanded(table: Columns) -> Columns:
    """The table with lists of numbers, as in [0.25, 0.1], as two columns: their first and their last."""
    found: dict[str, Sequence[str]] = {}
    for name, cells in table.items():
        if any(cell.startswith("[") for cell in cells) and all(re.fullmatch(r"\[?[-+\d.eE, ]+\]?", cell) for cell in cells):
            parts = [cell.strip("[] ").split(",") for cell in cells]
            found[name] = [part[0].strip() for part in parts]
            found[f"{name} (last)"] = [part[-1].strip() for part in parts]
        else:
            found[name] = cells
    return found


def _plain(cell: str) -> Value:
    try:
        return float(cell)
    except ValueError:
        return cell


def _determines(finer: Sequence[Value], coarser: Sequence[Value]) -> bool:
    """Whether the value in one column says the value in the other."""
    values = len(set(finer))
    return values <= len(finer) / 3 and len(set(zip(finer, coarser, strict=True))) == values  # what never repeats says nothing


def _unfit(name: str, cells: Sequence[str], scores: np.ndarray, roles: Mapping[str, Sequence[Value | None]]) -> str:
    """Why a column is no setting to adjust for; empty where it is one."""
    if len(set(cells)) < 2:
        return "always the same"
    if OUTCOME.search(name):
        return "its name is that of a result"
    if len(set(cells)) == len(cells) and all(re.fullmatch(r"\d+", cell) for cell in cells):
        return "a row's number"
    values = np.array([_plain(cell) if isinstance(_plain(cell), float) else np.nan for cell in cells], float)
    if not np.isfinite(values).all():
        return "a name, not a setting" if len(set(cells)) > MANY else ""
    known = np.isfinite(scores)
    if len(set(cells)) > MANY and abs(float(stats.spearmanr(values[known], scores[known]).statistic)) > 0.9:
        return "a result: it goes with the score"
    groups: dict[str, list[float]] = {}
    sizes = [f"{units} {layers}" for units, layers in zip(roles["units"], roles.get("layers", roles["units"]), strict=True)]
    for key, value in zip(sizes, values, strict=True):
        groups.setdefault(key, []).append(float(value))
    within = sum(float(((np.array(one) - np.mean(one)) ** 2).sum()) for one in groups.values())
    whole = float(((values - values.mean()) ** 2).sum())
    return "it follows from units and layers" if whole > 0 and 1 - within / whole > FOLLOWS else ""
