"""The wheel: one import package, the recipes inside, and nothing of Hugging Face's `datasets` touched."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from tuning.best_schema import schema

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(folder.glob("*.whl"))


def test_the_wheels_top_level_is_tuning_alone_with_recipes_and_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tuning"}
    assert {"tuning/py.typed", "tuning/strategies/portfolio.json", "tuning/strategies/prior_mean.json"} <= set(names)
    recipes = {Path(name).stem for name in names if name.startswith("tuning/recipes/")}
    assert recipes == {path.stem for path in (ROOT / "datasets").glob("*.py")}


def test_the_wheel_finds_its_recipes_from_another_folder_beside_another_datasets(wheel: Path, tmp_path: Path) -> None:
    """Unpacked beside a package named `datasets`, as Hugging Face's is; with the dependencies of this environment."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    other = tmp_path / "site" / "datasets"
    other.mkdir()
    (other / "__init__.py").write_text("whose = 'Hugging Face'\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tuning, datasets\n"
        "assert tuning.__file__.startswith(sys.argv[1]), tuning.__file__\n"
        "task = tuning.load_task('sentiment', rows=60)\n"
        "print(task.spec.name, datasets.whose)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "site")], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout.split() == ["sentiment", "Hugging", "Face"], done.stderr


def test_the_published_schema_is_that_of_the_model() -> None:
    published = json.loads((ROOT / "docs" / "best-model.schema.json").read_text(encoding="utf-8"))
    assert published == schema(), "make it again: python docs/make_schema.py"
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_example_in_the_docs_fits_the_schema() -> None:
    example = json.loads((ROOT / "docs" / "best-model.example.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema()).validate(example)
