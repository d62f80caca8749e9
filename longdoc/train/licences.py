"""Where the question and summary sets come from and under which licence: goes into every file fitted on them."""

from __future__ import annotations

LICENCES = {
    "everyday": "Apache-2.0 (longdoc, samples/everyday-questions.jsonl)",
    "squad": "CC BY-SA 4.0 (rajpurkar/SQuAD-explorer, development split)",
    "fairytaleqa": "Apache-2.0 (uci-soe/FairytaleQAData)",
    "onestop-qa": "CC BY-SA 4.0 (berzak/onestop-qa)",
    "covid-qa": "Apache-2.0 (deepset-ai/COVID-QA)",
    "openstax": "CC BY 4.0 (openstax/osbooks-*, at commits before the change of licence)",
    "crd3": "CC BY-SA 4.0 (RevanthRameshkumar/CRD3)",
    "qmsum": "MIT (Yale-LILY/QMSum)",
    "scitldr": "Apache-2.0 (allenai/scitldr)",
    "squality": "CC BY 4.0 (nyu-mll/SQuALITY)",
}


def licence_of(source: str) -> str:
    """The licence of a row's source."""
    return next((text for name, text in LICENCES.items() if source.startswith(name)), "unknown")
