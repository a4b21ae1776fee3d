# The service on a CPU, as a user without rights:
#   docker build -t spk --build-arg TORCH_INDEX=URL .
# TORCH_INDEX names PyTorch's index of builds for CPUs; without it several gigabytes for GPUs come along.
# See docs/how-to/deploy.md.

FROM python:3.12-slim AS build
ARG TORCH_INDEX=""
WORKDIR /source
RUN python -m venv /opt/spk && /opt/spk/bin/pip install --no-cache-dir --upgrade pip
# What spk is built on is a layer of its own: it stays when only spk changes.
COPY pyproject.toml ./
RUN /opt/spk/bin/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*p["dependencies"], *p["optional-dependencies"]["postgresql"], sep="\n")' > needs.txt && \
    /opt/spk/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r needs.txt
COPY . ./
# What the review pages load in the browser is fetched by npm, by its hashes, when spk is built.
RUN apt-get update && apt-get install --yes --no-install-recommends npm
RUN /opt/spk/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ffmpeg && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --uid 10001 --create-home spk && \
    install -d -o spk -g spk -m 700 /data /cache
COPY --from=build /opt/spk /opt/spk
ENV PATH=/opt/spk/bin:$PATH \
    SPK_HOME=/data \
    SPK_CACHE=/cache \
    SPK_SERVICE_HOST=0.0.0.0 \
    SPK_SERVICE_LOG=json \
    PYTHONUNBUFFERED=1
USER spk
# What is known of people, and weights by their hashes (which may be lost).
VOLUME ["/data", "/cache"]
EXPOSE 8720
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8720/healthz', timeout=4)"]
ENTRYPOINT ["spk"]
CMD ["serve"]
