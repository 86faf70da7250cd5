"""`./deskjob bench NAME [--short]`: run one benchmark and print its verdict on the last line."""

import argparse
import importlib
import sys

from benchmarks import reaper

NAMES = ("executor", "progress", "dataset", "create", "fanout", "fair", "pages", "admin", "chaos")


def main() -> int:
    """Run the named benchmark; exit with status 0 if it reaches its goal."""
    parser = argparse.ArgumentParser(prog="deskjob bench")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--short", action="store_true", help="end within 45 seconds")
    parser.add_argument("--seed", type=int, help="seed of the chaos run, to repeat its jobs and faults")
    arguments = parser.parse_args()
    return reaper.run(lambda: _measure(arguments))


def _measure(arguments: argparse.Namespace) -> int:
    seeded = {} if arguments.seed is None else {"seed": arguments.seed}
    verdict = importlib.import_module(f"benchmarks.{arguments.name}").run(short=arguments.short, **seeded)
    print(verdict.line(arguments.name))
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
