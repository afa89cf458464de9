"""The Cell Painting Gallery: the published CPJUMP1 profiles in a public S3 bucket, read without an account.

obstore lists page by page and knows other S3 services; see `engine.downloads.store`.
"""

from __future__ import annotations

import re
from typing import Final

from ...downloads.store import FetchError, Patience, Published, Store, as_fetch_errors, needs_obstore
from ...errors import InputError
from ..names import BATCH

__all__ = ["ABOUT", "Bucket", "FetchError", "Patience", "Published", "address_of"]

BUCKET: Final = "cellpainting-gallery"
PROFILES: Final = f"cpg0000-jump-pilot/source_4/workspace/profiles/{BATCH}"

#: What the data are, under which licence, and whom to cite.
ABOUT: Final = {
    "dataset": "CPJUMP1 (cpg0000-jump-pilot) of the Cell Painting Gallery",
    "licence": "CC0 1.0 Universal, https://creativecommons.org/publicdomain/zero/1.0/",
    "cite": [
        "Chandrasekaran et al., Three million images and morphological profiles of cells treated with matched chemical "
        "and genetic perturbations, Nature Methods 21, 1114-1121 (2024), https://doi.org/10.1038/s41592-024-02241-6",
        "Weisbart et al., Cell Painting Gallery: an open resource for image-based profiling, "
        "Nature Methods 21, 1775-1777 (2024), https://doi.org/10.1038/s41592-024-02399-z",
    ],
}


def address_of(endpoint: str | None) -> str:
    """Return the address below which keys lie: of the gallery, or of the bucket of that name on another service."""
    return f"{endpoint.rstrip('/')}/{BUCKET}" if endpoint else f"https://{BUCKET}.s3.amazonaws.com"


class Bucket(Store):
    """The bucket of the gallery, or a mirror of it; its methods raise `FetchError` where they cannot answer.

    Parameters
    ----------
    endpoint : str, optional
        Address of another S3 service that holds a bucket of the same name, such as ``https://minio.example.org``.
    patience : Patience, optional
        How long to wait.

    Raises
    ------
    InputError
        When obstore is not installed, or the endpoint is not an address.
    """

    def __init__(self, endpoint: str | None = None, patience: Patience | None = None) -> None:
        with needs_obstore():
            from obstore.store import S3Store
        if endpoint and not re.fullmatch(r"https?://[^/\s?#]+[^\s?#]*", endpoint):
            raise InputError(
                f"The endpoint '{endpoint}' is not an address: give one such as https://minio.example.org."
            )
        wait = patience or Patience()
        address = address_of(endpoint)
        store = S3Store(
            BUCKET,
            region="us-east-1",
            skip_signature=True,
            virtual_hosted_style_request=not endpoint,
            # Not `endpoint`: that one yields to AWS_ENDPOINT_URL_S3 of the environment, meant for other buckets.
            aws_endpoint_url_s3=endpoint.rstrip("/") if endpoint else address,
            **wait.as_store_options((endpoint or "").startswith("http://")),
        )
        super().__init__(store, address, wait)

    async def plate(self, name: str) -> list[Published]:
        """List the objects in the folder of a plate, not below it; none when there is no such folder."""
        folder = f"{PROFILES}/{name}/"
        with as_fetch_errors():
            found = [Published.of(meta) async for page in self._store.list(prefix=folder) for meta in page]
        return [item for item in found if item.key == folder + item.name]
