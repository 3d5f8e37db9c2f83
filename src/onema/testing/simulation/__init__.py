"""The whole core in one process and in no time: nodes that commit to one store, carriers and people, all drawn from one
seed; `python -m onema.testing.simulation --help`.

What runs is the product's own: committers, dispatchers, attempts, receipts, sweepers. Made up are the time (`time.py`),
the store (`store.py`, which has several writers and loses answers), carriers (`carriers.py`), what people do and what
breaks (`episode.py`). After each commit `invariants.py` looks at what it changed. A seed repeats a failure.
"""
