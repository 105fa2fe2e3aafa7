"""Export the best model of a search."""

from tuning.cli import script

if __name__ == "__main__":
    script("export")
