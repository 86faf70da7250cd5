"""`./deskjob bench NAME [--short]`: run one benchmark; its last line is the verdict."""

import argparse
import importlib
import sys

NAMES = ("executor", "progress", "dataset", "create", "fanout", "fair", "pages", "admin")


def main() -> int:
    """Run the benchmark that is asked for; exit status 0 if its goal is reached."""
    parser = argparse.ArgumentParser(prog="deskjob bench")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--short", action="store_true", help="end within 45 seconds")
    arguments = parser.parse_args()
    verdict = importlib.import_module(f"benchmarks.{arguments.name}").run(short=arguments.short)
    print(verdict.line(arguments.name))
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
