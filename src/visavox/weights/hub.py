"""Weights on the Hugging Face hub: downloaded once, and checked against the hash under which the hub keeps them."""

from __future__ import annotations

import re
from pathlib import Path

from visavox.errors import InputError
from visavox.runtime.files import sha256_of

PREFIX = "hf:"
_REFERENCE = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)/(?P<file>[^@#]+?)(?:@(?P<revision>[\w./-]+))?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch(reference: str) -> Path:
    """Download a file of the hub, or find it in the cache of huggingface_hub (HF_HOME), and check its SHA-256.

    Args:
        reference: `hf:OWNER/REPOSITORY/FILE`, with `@REVISION` behind it for a branch, tag or commit.

    Raises:
        InputError: the reference is malformed, huggingface_hub is not installed, nothing is found or reached, or the
            file is not the one that the hub announced.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InputError(f"'{reference}' names no file on the Hugging Face hub; write {PREFIX}OWNER/REPOSITORY/FILE")
    try:
        from huggingface_hub import errors, hf_hub_download
    except ImportError:
        raise InputError(
            f"{reference} needs huggingface_hub, which is not installed; install it with: pip install huggingface_hub"
        ) from None
    try:
        path = Path(hf_hub_download(match["repository"], match["file"], revision=match["revision"]))
    except (errors.EntryNotFoundError, errors.HTTPError, errors.HFValidationError) as error:  # type: ignore[attr-defined]
        raise InputError(_reason(error, match)) from error
    _check(path, reference)
    return path


def _reason(error: Exception, match: re.Match[str]) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError):
        return (
            f"{match[0]} is not in the cache and the hub cannot be reached; go online once, or download the file by "
            "other means and give its path"
        )
    if isinstance(error, errors.GatedRepoError):
        return f"{match['repository']} asks for its terms to be accepted: do so on its page, then run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no public repository {match['repository']} on the Hugging Face hub; check the name"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{match['repository']} has no revision '{match['revision']}'; check the name"
    if isinstance(error, errors.EntryNotFoundError):
        return f"{match['repository']} has no file '{match['file']}'; check the name on its page"
    return f"{match[0]} could not be downloaded: {str(error).splitlines()[0]}"


def _check(path: Path, reference: str) -> None:
    """Compare a file of the cache with its hash: large files lie there under the SHA-256 that the hub announced."""
    blob = path.resolve()
    if not _SHA256.fullmatch(blob.name):
        raise InputError(
            f"the hub gives no SHA-256 for {reference}, so it cannot be checked; download the file yourself and give "
            "its path"
        )
    found = sha256_of(blob)
    if found != blob.name:
        raise InputError(
            f"{reference} is damaged: its SHA-256 is {found} instead of {blob.name}; delete {blob} and try again"
        )
