"""Documents and media in S3."""
