"""`python -m cancelkit` is the command line."""

from cancelkit.cli import main

main()
