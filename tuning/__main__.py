"""`python -m tuning COMMAND` is `unitwise COMMAND`."""

from .cli import main

main()
