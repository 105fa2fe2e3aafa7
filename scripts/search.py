"""Search LSTM architectures: python scripts/search.py --task sentiment."""

from tuning.cli import script

if __name__ == "__main__":
    script("search")
