"""`python -m webapp.cli` is `deskjob`."""

from webapp.cli import main

main()
