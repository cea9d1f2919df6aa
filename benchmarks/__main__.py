"""`make bench`: every benchmark, one after the other. `python -m benchmarks NAME ...` runs some."""

import sys
from importlib import import_module

ALL = (
    "command_line",
    "reading",
    "exporting",
    "mapping",
    "custom_fields",
    "system",
    "history",
    "dashboard",
    "datasets",
    "surrogates",
    "contents",
    "audit",
    "serving",
    "trials",
    "refitting",
    "learning",
)


def main() -> None:
    wanted = sys.argv[1:] or ALL
    if unknown := set(wanted) - set(ALL):
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}.")
    for name in wanted:
        print(f"\n{name} ...", file=sys.stderr, flush=True)
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
