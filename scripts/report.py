"""Write a search's report.html again."""

from tuning.cli import script

if __name__ == "__main__":
    script("report")
