"""What the command line does, a module each with `main(argv, prog)`; `compare` is in its own package."""
