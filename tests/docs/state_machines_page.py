from typing import Any, NamedTuple

from onema.domain.state_machines import ATTEMPT, CALL, JOB, LEDGER, MESSAGE, NEW, TIME, VERIFICATION, Machine


class Section(NamedTuple):
    title: str
    machine: Machine[Any]
    about: str


SECTIONS = (
    Section(
        "A message",
        MESSAGE,
        "One SMS or one call (`messages.state`). *Unknown* means that it may have left us, so that it is never sent\n"
        "again; *unconfirmed* that no receipt came in time. Both wait for a carrier's late word, which still counts.",
    ),
    Section(
        "An attempt",
        ATTEMPT,
        "One try to hand a message to one carrier (`attempts.state`). *Temporary* and *permanent* did not leave us.",
    ),
    Section(
        "A call",
        CALL,
        "One attempt that places a call (`calls.state`). Its row comes with the first that is heard of it.",
    ),
    Section(
        "A job",
        JOB,
        "What is to be done about a message (`jobs.kind` and `jobs.in_flight`). A lease moves nothing here: it makes\n"
        "a job due again later. When `EndJob` gives up a job in flight, that job awaits its receipt, and a dead job\n"
        "is kept beside it for people to see.",
    ),
    Section(
        "A verification",
        VERIFICATION,
        "One code for one phone. `live_verifications` has a row while the code is pending or used up; what became of\n"
        "it is in its events.",
    ),
    Section(
        "A wallet's entries",
        LEDGER,
        "What the ledger says of one message, top-up or closing (`ledger.kind`): an entry is never changed, the next\n"
        "one is written beside it.",
    ),
)


def state_machines_page() -> str:
    """The text of docs/state-machines.md."""
    lines = [
        "# State machines",
        "",
        "The tables in `src/onema/domain/state_machines.py` name every move there is and the commands that make it.",
        "Each command asks its table first, and what is not in it raises. `./dev docs` draws this page from them.",
        "What happens at each step when a process dies is in [delivery-path.md](delivery-path.md).",
        "",
    ]
    for section in SECTIONS:
        lines += [
            f"## {section.title}",
            "",
            section.about,
            "",
            *_diagram(section.machine),
            "",
            *_table(section.machine),
            "",
        ]
    return "\n".join(lines[:-1]) + "\n"


def _diagram(machine: Machine[Any]) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2"]
    states = dict.fromkeys(state for move in machine.moves for state in move if state != NEW)
    lines += [f'    state "{state}" as {_name(state)}' for state in states if _name(state) != state]
    for before, after in machine.moves:
        lines.append(f"    {_name(before)} --> {_name(after)}")
    leads_on = {before for before, _ in machine.moves}
    lines += [
        f"    {_name(state)} --> [*]" for state in states if state in machine.final and state not in leads_on
    ]
    return [*lines, "```"]


def _name(state: str) -> str:
    return "[*]" if state == NEW else state.replace(" ", "_")


def _table(machine: Machine[Any]) -> list[str]:
    lines = ["| from | to | by |", "|---|---|---|"]
    for (before, after), commands in machine.moves.items():
        by = ", ".join("time" if command == TIME else f"`{command}`" for command in commands)
        end = " (end)" if after in machine.final else ""
        lines.append(f"| {before} | {after}{end} | {by} |")
    return lines
