# One image for every process of Parley: `docker run IMAGE api | worker | migrate | simulate`.

# The interpreter of the test suite. The digest makes a build reproducible; update it with the tag.
ARG PYTHON_IMAGE=python:3.11.15-slim-trixie@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93

FROM ${PYTHON_IMAGE} AS builder
# From the package index, which the build needs anyway: one registry less than its own image.
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/parley \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Dependencies change seldom: a layer of their own, reused while the lock is the same.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-dev --no-install-project
# What is let in stands in .dockerignore.
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-dev --no-editable

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="Multi-tenant conversational AI on WhatsApp" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed id, so that whoever mounts a directory knows whom to give it to.
RUN groupadd --system --gid 10001 parley \
    && useradd --system --uid 10001 --gid parley --no-log-init \
        --home-dir /var/lib/parley --create-home --shell /usr/sbin/nologin parley
COPY --from=builder /opt/parley /opt/parley
# Inside a container the network in front decides who gets in, so the API listens everywhere.
ENV PATH=/opt/parley/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PARLEY_API_HOST=0.0.0.0 \
    PARLEY_DATA_DIR=/var/lib/parley
WORKDIR /var/lib/parley
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["parley"]
CMD ["api"]
