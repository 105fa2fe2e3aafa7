"""Only what pyproject.toml cannot say: the wheel carries the recipes as data of `tuning`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecipes(build_py):
    """Copies datasets/*.py to tuning/recipes/, where an installed copy finds them."""

    def run(self) -> None:
        """Build, then copy (an editable install reads datasets/ itself)."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "tuning" / "recipes"
            target.mkdir(parents=True, exist_ok=True)
            for recipe in sorted(Path("datasets").glob("*.py")):
                shutil.copy(recipe, target)


setup(cmdclass={"build_py": BuildWithRecipes})
