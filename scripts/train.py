"""Train an exported architecture afresh."""

from tuning.cli import script

if __name__ == "__main__":
    script("train")
