"""What a user imports: public names, no TensorFlow, no clash with other packages."""

import importlib.util
import subprocess
import sys

import tuning


def in_fresh_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


def test_public_names_are_sorted_and_there() -> None:
    assert tuning.__all__ == sorted(tuning.__all__)
    assert all(getattr(tuning, name) is not None for name in tuning.__all__)


def test_import_loads_no_tensorflow() -> None:
    code = "import sys, tuning, tuning.searching, tuning.cli; print({'tensorflow', 'keras'} & set(sys.modules))"
    assert in_fresh_python(code).strip() == "set()"


def test_loading_a_task_loads_no_tensorflow_and_no_package_named_datasets() -> None:
    code = (
        "import sys, tuning; tuning.load_task('forecast', rows=200); print('tensorflow' in sys.modules, 'datasets' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False", "False"]


def test_search_stays_a_function_after_its_module_is_loaded() -> None:
    code = "import tuning, tuning.searching; from tuning import search; print(callable(search))"
    assert in_fresh_python(code).strip() == "True"


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(tuning, "no_such_name")


def test_datasets_folder_is_no_package() -> None:
    found = importlib.util.find_spec("datasets")
    assert found is None or "unitwise" not in str(found.origin)
