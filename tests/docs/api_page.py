"""The programs in docs/api.md."""

import re
from pathlib import Path

from onema.dialects.native.examples import LANGUAGES, Filling, examples

PAGE = Path(__file__).parents[2] / "docs" / "api.md"

_EXAMPLES = re.compile(r"(?<=<!-- examples: )(.*?)( -->\n).*?(?=<!-- end of examples -->)", re.DOTALL)


def api_page() -> str:
    """The page with its programs made anew: curl's, and the others where a reader opens them."""
    programs = {example.title: example.programs for example in examples(Filling())}

    def written(found: re.Match[str]) -> str:
        shown = programs[found[1]]
        blocks = [f"```bash\n{shown['bash']}```\n"]
        blocks += [
            f"<details><summary>{title}</summary>\n\n```{tag}\n{shown[tag]}```\n\n</details>\n"
            for tag, title in LANGUAGES.items()
            if tag != "bash"
        ]
        return found[1] + found[2] + "\n".join(blocks)

    return _EXAMPLES.sub(written, PAGE.read_text(encoding="utf-8"))
