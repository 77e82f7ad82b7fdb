"""Applications that tests drive, in this process and behind real servers."""
