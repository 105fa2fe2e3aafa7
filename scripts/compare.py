"""Compare strategies, live or replayed on recorded trials."""

from tuning.cli import script

if __name__ == "__main__":
    script("compare")
