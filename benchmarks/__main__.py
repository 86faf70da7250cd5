"""`./deskjob bench NAME [--short]`: run one benchmark and print its verdict on the last line; `all` runs every one."""

import argparse
import importlib
import subprocess
import sys

from benchmarks import reaper
from benchmarks.hosts import network

NAMES = (
    *("executor", "latency", "progress", "dataset", "create", "fanout", "fair"),
    *("pages", "admin", "tabs", "files", "api", "rows", "chaos"),
)
_ON_HOSTS = "benchmarks.hosts.chaos_run"
_ROW = "| `./deskjob bench "


def main() -> int:
    """Run the named benchmark; exit with status 0 if it reaches its goal."""
    parser = argparse.ArgumentParser(prog="deskjob bench")
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument("--short", action="store_true", help="end within 45 seconds (each benchmark)")
    parser.add_argument("--seed", type=int, help="seed of the chaos run, to repeat its jobs and faults")
    parser.add_argument("--hosts", action="store_true", help="the chaos run on several hosts (network namespaces)")
    arguments = parser.parse_args()
    if arguments.hosts and arguments.name != "chaos":
        parser.error("--hosts is an option of the chaos run")
    return reaper.run(lambda: (_measure_all if arguments.name == "all" else _measure)(arguments))


def _measure(arguments: argparse.Namespace) -> int:
    seeded = {} if arguments.seed is None else {"seed": arguments.seed}
    module = _ON_HOSTS if arguments.hosts else f"benchmarks.{arguments.name}"
    name = f"{arguments.name}{' --hosts' * arguments.hosts}"
    verdict = importlib.import_module(module).run(short=arguments.short, **seeded)
    print(f"{_ROW}{name}{' --short' * arguments.short}` | {verdict.values} | {verdict.goal} |")
    print(verdict.line(name))
    return 0 if verdict.ok else 1


def _measure_all(arguments: argparse.Namespace) -> int:
    """Run the benchmarks one by one in processes of their own; print their rows for the README at the end."""
    rows, statuses = [], []
    for name in [*NAMES, *["chaos --hosts"] * network.are_possible()]:
        command = [sys.executable, "-m", "benchmarks", *name.split(), *["--short"] * arguments.short]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                rows += [line] if line.startswith(_ROW) else []
        statuses.append(process.returncode)
    print("\nThe rows for the README:\n", "".join(rows), sep="\n")
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
