"""An organisation reads its own part of a bucket, or the bucket that was opened to it alone."""

import pytest

from adapters.sources.s3 import BucketRefused, check_bucket
from contracts.ids import OrganizationId
from settings import Settings

OURS, THEIRS = OrganizationId("org_1"), OrganizationId("org_12")


def opened(*buckets: str) -> Settings:
    return Settings(
        _env_file=None, parley_s3_bucket="parley", parley_s3_source_buckets=list(buckets)
    )


@pytest.mark.parametrize(
    ("organization", "bucket", "prefix"),
    [(OURS, "shared", "org_1/"), (OURS, "shared", "org_1/help/"), (OURS, "own", ""),
     (THEIRS, "shared", "org_12/")],
)  # fmt: skip
def test_what_is_an_organisations_own_is_read(
    organization: OrganizationId, bucket: str, prefix: str
) -> None:
    settings = opened("shared", "own:org_1")
    check_bucket(settings, organization_id=organization, bucket=bucket, prefix=prefix)


@pytest.mark.parametrize(
    ("organization", "bucket", "prefix"),
    [(OURS, "shared", ""), (OURS, "shared", "org_1"), (OURS, "shared", "org_12/"),
     (THEIRS, "own", ""), (THEIRS, "own", "org_12/"), (OURS, "other", "org_1/"),
     (OURS, "parley", "org_1/"), (OURS, "own:org_1", "")],
)  # fmt: skip
def test_what_is_somebody_elses_is_refused(
    organization: OrganizationId, bucket: str, prefix: str
) -> None:
    settings = opened("shared", "own:org_1", "parley", "parley:org_1")
    with pytest.raises(BucketRefused):
        check_bucket(settings, organization_id=organization, bucket=bucket, prefix=prefix)


def test_nothing_is_open_unless_the_operator_says_so() -> None:
    with pytest.raises(BucketRefused, match="PARLEY_S3_SOURCE_BUCKETS"):
        check_bucket(opened(), organization_id=OURS, bucket="shared", prefix="org_1/")
