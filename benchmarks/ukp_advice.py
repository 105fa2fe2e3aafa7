"""Does advice from the 16,244 BiLSTM taggers of Reimers and Gurevych (2017) agree with their paper?

    python benchmarks/ukp_advice.py

Each finding that the rows allow, beside the paper's figure. A minute.
"""

from records import SHARED, History

from tuning.advice import Advice, Size
from tuning.effects import Row
from tuning.foreign import foreign

FILE = SHARED / "ukp_bilstm_trials" / "trials.tsv.gz"
DATA = {"chunking": ("conll2000_chunking.pkl", 106, 2), "pos": ("wsj_pos_500.pkl", 63, 1)}
FINDINGS: list[tuple[str, Row, Row, str]] = [
    ("CRF over softmax", {"Decoder": "Softmax"}, {"Decoder": "CRF"}, "CRF best in 78.4 %"),
    (
        "variational over naive dropout",
        {"VariationalDropoutType": "Naive"},
        {"VariationalDropoutType": "drop_both"},
        "variational best in 83.2 %",
    ),
    ("Nadam over RMSProp", {"Optimizer": "RMSProp"}, {"Optimizer": "Nadam"}, "Nadam best on most tasks"),
    ("two layers over one", {"layers": 1}, {"layers": 2}, "chunking 52 against 11 %, pos 47 against 52 %"),
    ("three layers over two", {"layers": 2}, {"layers": 3}, "chunking 37 against 52 %, pos 2 against 47 %"),
]


def main() -> None:
    """Both data sets."""
    history = History("ukp_advice")
    for name, (data, units, layers) in DATA.items():
        advice = Advice(foreign(FILE, "Dev_F1", {"units": "LSTM-Size", "layers": "LSTM-Layers"}, [("Dataset", data)], []).trials)
        alike: list[Size] = [size for size in advice.sizes if not size.apart]
        low, high = alike[0].units, alike[-1].units
        deep = advice.recommended.rest["layers"]
        agrees = low <= units <= high and deep == layers
        print(
            f"{name}: {low} to {high} units (paper: {units}), {deep} layers (paper: {layers}): {'agrees' if agrees else 'DIFFERS'}"
        )
        print(f"  one network's noise {100 * advice.noise:.2f} points, a residual (paper: two runs differ by 0.17, median)")
        found = {}
        for what, first, second, paper in FINDINGS:
            size = {"units": advice.recommended.units} if "layers" in first else {}
            gain = advice.effects.difference({**size, **first}, {**size, **second})
            start, end = gain.interval()
            found[what] = [round(100 * value, 3) for value in (gain.mean, start, end)]
            print(f"  {what}: {100 * gain.mean:+.2f} points ({100 * start:.2f} to {100 * end:.2f}); paper: {paper}")
        history.add(data=name, low=low, high=high, layers=deep, agrees=agrees, noise=round(100 * advice.noise, 3), findings=found)


if __name__ == "__main__":
    main()
