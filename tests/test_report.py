"""report.html: what it holds, how large it is, and that a browser draws it without asking anybody."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from small import Here

from tuning.errors import BadFile
from tuning.journal import Journal, read
from tuning.report import report_page, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEED = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small search, finished."""
    from tuning import search
    from tuning.recipe import load_task
    from tuning.task import DataOptions

    folder = tmp_path_factory.mktemp("report") / "run"
    task = load_task("memory", DataOptions(rows=90, bits=2))
    search(task, out=folder, trials=10, max_epochs=3, units="2,8,16", layers="1:2", workers=2, confirm=0.7)
    return folder


def drawn(page: Path, *more: str) -> tuple[str, str]:
    """The page's document after its scripts ran, and what the browser complained of; no network is there."""
    argv = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    argv += ["--enable-logging=stderr", "--virtual-time-budget=8000", "--dump-dom", *more, page.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def test_a_search_leaves_a_report_that_begins_with_its_answer(searched: Path) -> None:
    from tuning.best_schema import read_best

    page, answer = (searched / "report.html").read_text(encoding="utf-8"), read_best(searched).answer
    assert answer is not None
    assert page.index(answer.sentence[:20]) < page.index("How many units") < page.index("Every trial")
    assert page.count("<small>") >= 5  # a text equivalent for each picture
    for claim in answer.claims:
        assert claim.text.split(":")[0] in page


def test_nothing_in_the_file_points_outside(searched: Path) -> None:
    page = (searched / "report.html").read_text(encoding="utf-8")
    own = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.S)
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", own)
    assert not re.findall(r"<script[^>]+src=", page)


def test_the_command_writes_it_again(searched: Path, here: Here) -> None:
    before = (searched / "report.html").read_text(encoding="utf-8")
    (searched / "report.html").unlink()
    status, out, err = here("report", str(searched))
    assert status == 0, err
    assert out.strip() == str(searched / "report.html")
    after = (searched / "report.html").read_text(encoding="utf-8")
    assert len(after) == pytest.approx(len(before), rel=0.01)


def test_a_folder_without_a_search_is_told_so(tmp_path: Path, here: Here) -> None:
    status, _, err = here("report", str(tmp_path))
    assert status == 2
    assert "best.json" in err
    with pytest.raises(BadFile):
        report_page(tmp_path)


@NEED
def test_a_browser_draws_every_chart_without_a_word(searched: Path) -> None:
    document, complaints = drawn(searched / "report.html", "--window-size=1200,12000")  # all charts are near
    charts = document.count('class="chart')
    assert charts >= 5
    assert document.count('data-drawn="yes"') == charts
    assert len(re.findall(r'class="main-svg"', document)) >= charts
    said = [line for line in complaints.splitlines() if "CONSOLE" in line and "WebGL" not in line]  # its own driver's remarks
    assert not said


@NEED
def test_what_is_far_below_is_drawn_later_and_for_printing(searched: Path, tmp_path: Path) -> None:
    near, _ = drawn(searched / "report.html", "--window-size=800,600")
    assert 1 <= near.count('data-drawn="yes"') < near.count('class="chart')
    page = (searched / "report.html").read_text(encoding="utf-8")
    printed = page.replace("</body>", "<script>onload = () => dispatchEvent(new Event('beforeprint'))</script></body>")
    (tmp_path / "printed.html").write_text(printed, encoding="utf-8")
    whole, _ = drawn(tmp_path / "printed.html", "--window-size=800,600")
    assert whole.count('data-drawn="yes"') == whole.count('class="chart')


@NEED
def test_a_click_on_a_title_sorts(searched: Path, tmp_path: Path) -> None:
    page = (searched / "report.html").read_text(encoding="utf-8")
    click = "<script>document.querySelectorAll('table.sortable th')[4].click()</script></body>"
    (tmp_path / "clicked.html").write_text(page.replace("</body>", click), encoding="utf-8")
    document, _ = drawn(tmp_path / "clicked.html")
    body = document[document.index('<table class="sortable">') :]
    rows = re.findall(r"<tr>(<td.*?)</tr>", body[: body.index("</table>")], flags=re.S)
    sizes = [float(re.findall(r"<td[^>]*>(.*?)</td>", row)[4]) for row in rows]
    assert sizes == sorted(sizes)


def many(searched: Path, folder: Path, count: int) -> Path:
    """A study of `count` trials: the small search's first, told again under other numbers."""
    shutil.copytree(searched, folder)
    events: list[dict[str, Any]] = list(read(searched / "trials.jsonl"))
    one = [e for e in events if e.get("trial") == 0 and e["event"] in ("asked", "started", "epoch", "decided", "finished")]
    (folder / "trials.jsonl").unlink()
    journal = Journal(folder / "trials.jsonl")
    for event in events:
        journal.append(event)
    for number in range(100, 100 + count):
        for event in one:
            journal.append({**event, "trial": number})
    journal.close()
    return folder


def test_a_thousand_trials_fit_in_six_megabytes(searched: Path, tmp_path: Path) -> None:
    path = write_report(many(searched, tmp_path / "many", 1000))
    assert path.stat().st_size < 6_000_000
