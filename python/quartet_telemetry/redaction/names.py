"""Which names say that their value is a secret.

A name is compared by its end, in lower case and without `-`, `_`, `.`: `http.request.header.X-Api-Key`, `OPENAI_API_KEY` and `apiKey`
all end in `apikey`. Names that go on after it, such as `api_key_hash` or `token_count`, are no secrets.
"""

from __future__ import annotations

import re
from functools import lru_cache

_ENDINGS = tuple(
    "authorization apikey apikeys accesskey secretkey privatekey accountkey signingkey encryptionkey masterkey authkey subscriptionkey "
    "functionskey applicationkey licensekey password passwords passwd passphrase secret secrets cookie cookies credential credentials "
    "amzsignature googsignature".split()
)
# With these words before it, `token` is a unit of text or a place in a list.
_NOT_BEFORE_TOKEN = tuple(
    "page next continuation cursor sync cancel cancellation stop eos bos pad unk mask max min per each first last total input output "
    "prompt completion cached thinking reasoning special unexpected invalid new num".split()
)
_PARAMETERS = {"key", "sig", "signature", "auth"}
_WORD_BREAK = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def _flat(name: str) -> str:
    return _NOT_WORD.sub("", name[-64:].lower())


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """True when the whole value of what bears this name is a secret."""
    flat = _flat(name)
    if flat.endswith(_ENDINGS):
        return True
    words = [word for word in _WORD_BREAK.split(name[-64:]) if word]
    last = words[-1].lower() if words else ""
    return last == "pwd" or last == "token" and not flat[: -len("token")].endswith(_NOT_BEFORE_TOKEN)


def is_secret_parameter(name: str) -> bool:
    """True when the parameter of a URL that bears this name is a secret."""
    return _flat(name) in _PARAMETERS or is_secret(name)


def is_authorization(name: str) -> bool:
    """True for names of HTTP's `Authorization` header."""
    return _flat(name).endswith("authorization")


def is_cookie(name: str) -> bool:
    """True for names of HTTP's `Cookie` headers."""
    return _flat(name).endswith("cookie")
