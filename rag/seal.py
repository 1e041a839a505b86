"""What keeps libraries from reaching for the network."""

from collections.abc import MutableMapping

SWITCHES = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Hygiene, not a guarantee: each library decides for itself what it makes of its switch."""


def switch_off(environ: MutableMapping[str, str]) -> None:
    """Set every switch that a library reads. Call it before the first import of any of them."""
    environ.update(SWITCHES)
