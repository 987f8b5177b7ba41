"""`python -m tests.fuzz`: many inputs, then kills; the counts as JSON on stdout, 1 on a defect."""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.kills import kill_and_resume
from tests.fuzz.rounds import Counts, fuzz

_ROUND = 500


def main() -> int:
    """Run, print, say by the exit code whether it was clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=0.0, help="go on with new seeds so long")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="counts so far, written after each round")
    words = parser.parse_args()
    begun, counts, seed = time.monotonic(), Counts(), words.seed
    while counts.inputs < words.inputs or time.monotonic() - begun < 60 * words.minutes:
        fuzz(counts, seed, min(_ROUND, max(1, words.inputs)))
        seed += 1
        if words.out:
            words.out.write_text(json.dumps(counts.as_json(), indent=2))
        sys.stderr.write(f"{counts.inputs} inputs, {len(counts.defects)} defects\n")
    with tempfile.TemporaryDirectory(prefix="sr-fuzz-") as folder:
        killed = kill_and_resume(random.Random(words.seed), Path(folder), words.kills)
    document = {
        **counts.as_json(),
        "seeds": [words.seed, seed - 1],
        "kill_9": killed,
        "minutes": round((time.monotonic() - begun) / 60, 1),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    clean = not counts.defects and killed["equal"] == killed["finished"]
    return 0 if clean and not killed["left_parts"] else 1


if __name__ == "__main__":
    sys.exit(main())
