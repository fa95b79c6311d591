# docker build -t mmattn .                                          # CPU
# docker build -t mmattn:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
# docker run --rm -v "$PWD:/work" mmattn train ccnet_salt_quick     # with --gpus all for the second
FROM python:3.11-slim

# What OpenCV wants of the system, in the versions that the image's Debian has
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

WORKDIR /opt/mmattn
COPY constraints.txt ./
RUN pip install -c constraints.txt torch --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple

COPY setup.py pyproject.toml MANIFEST.in README.md LICENSE model-index.yml ./
COPY mmattn mmattn
COPY configs configs
COPY tools tools
RUN pip install -c constraints.txt '.[onedl,onnx]' \
    && useradd --create-home --uid 1000 user

USER 1000
WORKDIR /work
ENTRYPOINT ["mmattn"]
CMD ["--help"]
