"""report.html of a thousand trials: its size, and how soon a browser has drawn it.

    python benchmarks/drawn.py [--trials 1000] [--times 5]

A real search of small networks on `memory` (one layer: few structures are traced), then the report opened in headless Chromium
without a network. Milliseconds from the start of navigation until the second frame after the page was loaded, medians: in a window
of 1200 x 900, where charts far below are drawn when they come near, and in one of 1200 x 12000, where every chart is. The parallel
coordinates take most of the latter: WebGL is computed by the processor there.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from records import ROOT, History

SCRIPT = """<script>addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() =>
console.log("drawn after " + performance.now()))))</script></head>"""


def searched(folder: Path, trials: int) -> Path:
    """The report of a search of so many trials."""
    argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", "memory", "--bits", "2", "--rows", "120", "--quiet"]
    argv += ["--strategy", "random", "--units", "1:64", "--layers", "1", "--max-epochs", "2"]
    argv += ["--trials", str(trials), "--confirm", "0.1"]
    subprocess.run([*argv, "--out", str(folder / "run")], check=True, stdout=subprocess.DEVNULL)
    return folder / "run" / "report.html"


def drawn(page: Path, height: int) -> float:
    """Milliseconds until one opening of it, in a window so high, is painted."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("drawn.py needs Chromium (Debian: chromium)")
    argv = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    argv += ["--enable-logging=stderr", f"--window-size=1200,{height}", f"--screenshot={page.with_suffix('.png')}", page.as_uri()]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True).stderr
    found = re.search(r"drawn after ([0-9.]+)", told)
    if found is None:
        raise RuntimeError(f"the page said nothing: {told[-500:]}")
    return float(found[1])


def main() -> None:
    """Search, open, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    history = History("drawn")
    line = history.find(trials=args.trials)
    if line is None:
        with tempfile.TemporaryDirectory() as folder:
            page = searched(Path(folder), args.trials)
            size = page.stat().st_size
            page.write_text(page.read_text(encoding="utf-8").replace("</head>", SCRIPT, 1), encoding="utf-8")
            seen, whole = (round(float(np.median([drawn(page, height) for _ in range(args.times)]))) for height in (900, 12_000))
        line = history.add(trials=args.trials, bytes=size, milliseconds=seen, whole=whole)
    print(f"{line['trials']} trials: {line['bytes'] / 1e6:.2f} MB, drawn in {line['milliseconds']} ms, all in {line['whole']} ms")


if __name__ == "__main__":
    main()
