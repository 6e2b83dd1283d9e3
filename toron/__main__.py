"""Runs the command line: `python -m toron`."""

from toron.cli import main

if __name__ == "__main__":
    main(prog_name="toron")
