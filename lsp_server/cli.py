"""Console script."""


def main() -> int:
    """Entry."""
    return 0
