"""Keys and tokens that are known by their shape: a fixed beginning and a run of certain characters.

The shapes are those that the issuers publish or print in their consoles. Minimum lengths are a little below the issued ones. The
families and kinds are those of the Rust crate `redact`.
"""

from __future__ import annotations

import re
from typing import Callable, List, Optional, Pattern, Tuple

# A word begins here: no letter or digit before, or those that are there belong to an escape (\n, %20, \u0026).
BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbfv])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"
_A, _U, _D, _X, _C = "[A-Za-z0-9]", r"[A-Za-z0-9_\-]", r"[A-Za-z0-9_.\-]", "[0-9a-f]", "[A-Z0-9]"

# No condition but their shape.
_PLAIN = [
    # Google: API key, OAuth access token, client secret, refresh token.
    rf"AIza{_U}{{30,}}",
    rf"ya29\.{_D}{{20,}}",
    rf"GOCSPX-{_U}{{20,}}",
    rf"1//0{_U}{{30,}}",
    # Model providers.
    rf"gsk_{_A}{{30,}}",
    rf"xai-{_A}{{40,}}",
    rf"pplx-{_A}{{30,}}",
    rf"r8_{_A}{{30,}}",
    rf"nvapi-{_U}{{40,}}",
    rf"hf_{_A}{{30,}}",
    rf"api_org_{_A}{{30,}}",
    rf"lsv2_{_U}{{30,}}",
    # Airtable's token; AWS.
    rf"pat{_A}{{14}}\.{_X}{{32,}}",
    rf"A[KS]IA{_C}{{16}}(?![A-Z0-9])",
    # Code hosts, package registries.
    rf"gh[pousr]_{_A}{{30,}}",
    rf"github_pat_{_U}{{30,}}",
    rf"gl(?:pat|dt|rt|ptt)-{_U}{{18,}}",
    rf"npm_{_A}{{30,}}",
    rf"pypi-Ag{_U}{{30,}}",
    rf"dckr_pat_{_U}{{20,}}",
    # Chat, mail, payments.
    rf"[0-9]{{6,12}}:AA{_U}{{32,}}",
    rf"SG\.{_U}{{16,}}\.{_U}{{16,}}",
    rf"[sr]k_(?:live|test)_{_A}{{16,}}",
    rf"whsec_{_A}{{24,}}",
    rf"shpat_{_X}{{30,}}",
    # Operations.
    rf"do[por]_v1_{_X}{{60,}}",
    rf"glsa_{_U}{{32,}}",
    rf"glc_{_A}{{32,}}",
    rf"hvs\.{_U}{{24,}}",
    rf"NRAK-{_C}{{20,}}",
    rf"PMAK-{_U}{{40,}}",
    rf"lin_api_{_A}{{30,}}",
    rf"ntn_{_A}{{40,}}",
    rf"sntrys_{_U}{{40,}}",
    rf"pul-{_X}{{40,}}",
    rf"sbp_{_X}{{40,}}",
    rf"SK{_X}{{32}}(?![0-9a-f])",
]


def _has_digit(run: str) -> bool:
    return any(char.isdigit() for char in run)


def is_scrambled(run: str) -> bool:
    """How random a text looks: how often the kind of character changes between lower case, upper case and digit."""
    kinds = [(char.isupper(), char.isdigit()) for char in run]
    return sum(a != b for a, b in zip(kinds, kinds[1:])) * 3 >= len(run)


_SK_ISSUERS = ("proj-", "ant-", "svcacct-", "admin-", "or-v1-", "lf-", "None-")


def _is_dense(run: str) -> bool:
    """Kebab-case names have no 16 letters or digits in a row that are not all lower-case letters."""

    def mixed(part: str) -> bool:
        return any(char.isdigit() or char.isupper() for char in part)

    if run.startswith(_SK_ISSUERS):
        return mixed(run)
    return any(len(part) >= 16 and mixed(part) for part in re.split("[-_]", run))


# With a condition on group 1.
_CONDITIONAL: List[Tuple[Pattern[str], Callable[[str], bool]]] = [
    (re.compile(rf"{BEGIN}sk-({_U}{{20,}})"), _is_dense),
    (re.compile(rf"{BEGIN}sess-({_A}{{32,}})"), is_scrambled),
    (re.compile(rf"{BEGIN}key({_A}{{14}})(?![A-Za-z0-9])"), is_scrambled),
    (re.compile(rf"{BEGIN}LTAI({_A}{{16,}})"), _has_digit),
    (re.compile(rf"{BEGIN}(xox{_U}{{12,}})"), _has_digit),
    (re.compile(rf"{BEGIN}(xapp-{_U}{{20,}})"), _has_digit),
    (re.compile(r"/services/T([A-Za-z0-9_.~+/=:-]{20,})"), _has_digit),
    (re.compile(rf"{BEGIN}sq0({_U}{{22,}})"), _has_digit),
]
_SHAPES = re.compile(f"{BEGIN}(?:{'|'.join(_PLAIN)})")
_JWT = re.compile(rf"{BEGIN}eyJ{_U}{{8,}}\.{_U}{{10,}}(?:\.{_U}*){{0,3}}")
_PRIVATE_KEY = re.compile(r"-----BEGIN [^\n]{0,36}?PRIVATE KEY(?:.*?-----END [^\n]*?-----|.*)", re.DOTALL)

# Whether any of the above may stand in a text: most texts are clean, and this answers at once.
MAY_HOLD = re.compile(
    r"AIza|ya29\.|GOCSPX-|1//0|gsk_|xai-|plx-|r8_|nvapi-|hf_|api_org_|lsv2_|pat[A-Za-z0-9]{14}\.|A[KS]IA|gh[pousr]_|hub_pat_|gl[a-z]+[-_]|npm_"
    r"|pypi-|dckr_|:AA|SG\.|k_live_|k_test_|whsec_|shpat_|_v1_|hvs\.|NRAK|PMAK|lin_api|ntn_|sntrys_|pul-|sbp_|SK[0-9a-f]|sk-|sess-|key[A-Za-z0-9]"
    r"|LTAI|xox|xapp|/services/T|sq0|eyJ|PRIVATE KEY"
)


def mask_shapes(text: str) -> str:
    """`text` with keys, tokens and private keys masked."""
    text = _PRIVATE_KEY.sub("[REDACTED:private-key]", text)
    text = _JWT.sub("[REDACTED:jwt]", text)
    text = _SHAPES.sub("[REDACTED:api-key]", text)
    for pattern, condition in _CONDITIONAL:
        text = pattern.sub(lambda found: _conditional(found, condition) or found[0], text)
    return text


def _conditional(found: "re.Match[str]", condition: Callable[[str], bool]) -> Optional[str]:
    return "[REDACTED:api-key]" if condition(found[1]) else None
