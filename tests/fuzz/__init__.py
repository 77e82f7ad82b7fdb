"""What the parsers must never do, checked on any bytes: by pytest on known ones, by atheris on those it finds."""
