"""`./deskjob bench NAME [--short]`: run one benchmark; its last line is the verdict."""

import argparse
import importlib
import sys

NAMES = ("executor", "progress", "dataset", "create", "fanout", "fair", "pages", "admin", "chaos")


def main() -> int:
    """Run the benchmark that is asked for; exit status 0 if its goal is reached."""
    parser = argparse.ArgumentParser(prog="deskjob bench")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--short", action="store_true", help="end within 45 seconds")
    parser.add_argument("--seed", type=int, help="of the chaos: the same jobs and strikes once more")
    arguments = parser.parse_args()
    seeded = {} if arguments.seed is None else {"seed": arguments.seed}
    verdict = importlib.import_module(f"benchmarks.{arguments.name}").run(short=arguments.short, **seeded)
    print(verdict.line(arguments.name))
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
