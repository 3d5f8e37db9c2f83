"""What is made from something else: pages of docs/ from the code, operations of the client from openapi.yaml. `./dev
docs` writes it anew.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.client.operations import modules
from tests.docs.api_page import api_page
from tests.docs.callee_page import callee_page
from tests.docs.carrier_pages import carrier_page, pages
from tests.docs.compliance_page import compliance_page
from tests.docs.postman_file import postman_file
from tests.docs.reference_page import reference_page
from tests.docs.settings_page import settings_page
from tests.docs.simulator_page import simulator_page
from tests.docs.state_machines_page import state_machines_page

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "docs/api.md": api_page,
    "docs/carriers/callee.md": callee_page,
    "docs/carriers/simulator.md": simulator_page,
    "docs/operations/compliance.md": compliance_page,
    "docs/operations/settings.md": settings_page,
    "docs/state-machines.md": state_machines_page,
    **{f"docs/carriers/{name}.md": partial(carrier_page, name) for name in pages()},
    "src/onema/dialects/native/postman.json": postman_file,
    "src/onema/dialects/native/reference.html": reference_page,
    **{module: partial(modules().__getitem__, module) for module in modules()},
}

if __name__ == "__main__":
    for page, text in PAGES.items():
        (ROOT / page).write_text(text(), encoding="utf-8")
