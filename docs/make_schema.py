"""Writes best-model.schema.json from the pydantic model: python docs/make_schema.py"""

import json
from pathlib import Path

from tuning.best_schema import schema

if __name__ == "__main__":
    target = Path(__file__).parent / "best-model.schema.json"
    target.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
