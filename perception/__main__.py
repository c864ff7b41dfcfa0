"""`python -m perception`: the command line, where no console script is installed."""

from perception.cli import main

main()
