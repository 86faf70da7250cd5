"""Run queued jobs until SIGTERM or Ctrl-C. The same as ``deskjob worker``."""

import sys

from webapp.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "worker")
    main()
