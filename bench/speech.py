"""What speaking a code costs: joining the clips of a message, and loading the voices."""

import statistics
import time
from collections.abc import Callable

from onema.speech import Law, Voices, speak

CODE = "048159"
TIMES = 2
RUNS = 200


def main() -> None:
    """Prints milliseconds of CPU; joining must stay under one (the clips at a rate are stretched once)."""
    print(f"loading all voices: {_milliseconds(Voices.load, 5):.1f} ms")
    voices = Voices.load()
    print(
        f"\n| voice | rate | joining {len(CODE)} characters x {TIMES}, frames included | as WAV |\n|---|---|---|---|"
    )
    for voice in voices.values():
        for rate in (0.8, 1.0, 1.4):
            message = speak(voice, CODE, times=TIMES, rate=rate)
            message.frames(Law.PCMA)
            joining = _milliseconds(
                lambda voice=voice, rate=rate: speak(voice, CODE, times=TIMES, rate=rate).frames(Law.PCMA),  # type: ignore[misc]  # mypy infers no type for a lambda with defaults
                RUNS,
            )
            print(f"| {voice.id} | {rate} | {joining:.3f} ms | {_milliseconds(message.wav, RUNS):.3f} ms |")


def _milliseconds(work: Callable[[], object], runs: int) -> float:
    """The median CPU time of one run."""
    spent = []
    for _ in range(runs):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return statistics.median(spent) * 1000


if __name__ == "__main__":
    main()
