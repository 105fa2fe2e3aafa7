"""Predict from raw input with an exported model."""

from tuning.cli import script

if __name__ == "__main__":
    script("predict")
