"""The answer from trials recorded elsewhere."""

from tuning.cli import script

if __name__ == "__main__":
    script("advise")
