"""Which strategy finds good networks sooner: runs (replayed or live), statistics, a verdict in words, a page."""
