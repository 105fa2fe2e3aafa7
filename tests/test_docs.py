"""The documents say what is there: every option, strategy and task is named, every link leads somewhere."""

import re
from pathlib import Path

import pytest

from tuning.commands.search import search_parser
from tuning.recipe import recipe_files
from tuning.strategies import STRATEGIES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_option_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    for action in search_parser("search.py")._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in text, option


@pytest.mark.parametrize("name", [*sorted(STRATEGIES), *sorted(recipe_files())])
def test_every_strategy_and_task_is_in_the_docs(name: str) -> None:
    assert any(f"`{name}`" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readmes_commands_are_those_of_ci() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -e ." in blocks[0]
    assert "python scripts/search.py --task sentiment" in blocks[0]
    assert "pytest" in blocks[1]
    for line in ("pip install -e '.[dev]'", "python -m pytest"):
        assert line in blocks[1]
        assert line in script


def test_decisions_are_short_and_numbered() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert all(len(page.read_text(encoding="utf-8").splitlines()) <= 20 for page in pages)
