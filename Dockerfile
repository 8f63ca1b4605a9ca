# syntax=docker/dockerfile:1
# The page and the worker in one image.
#
#   docker build -t fourreal .                          CUDA 13, gsplat's kernels compiled now and not at first use
#   docker build -t fourreal --build-arg DEVICE=cpu .   no GPU
#   docker run --gpus all -p 7860:7860 -v fourreal:/data fourreal     (without --gpus: the CPU)
#
# /data holds every scene; without a volume it goes with the container.
ARG DEVICE=cuda
ARG PYTHON=3.12

# --- Wheels that have to be compiled ---------------------------------------------------------------------------------

# torch==2.13.0 on PyPI is built for CUDA 13.0; its compiler must be of the same major version.
FROM nvidia/cuda:13.0.2-devel-ubuntu24.04 AS wheels-cuda
# V100 to H100 and what lies between; fewer build faster.
ARG TORCH_CUDA_ARCH_LIST="7.5;8.0;8.6;8.9;9.0"
ARG MAX_JOBS=4
RUN apt-get update && apt-get install -y --no-install-recommends python3-dev python3-venv g++ \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN python3 -m venv /build && . /build/bin/activate \
    && pip install --no-cache-dir setuptools wheel ninja "$(grep ^numpy== requirements.txt)" "$(grep ^torch== requirements.txt)" \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --no-binary gsplat -w /wheels "$(grep ^gsplat== requirements.txt)"

# Without CUDA gsplat serves only for its growth strategies, which are Python; torch comes without CUDA's libraries.
FROM python:${PYTHON}-slim AS wheels-cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt .
RUN pip wheel --no-cache-dir --no-deps -w /wheels --index-url "$TORCH_INDEX" "$(grep ^torch== requirements.txt)"

FROM wheels-${DEVICE} AS wheels

# --- What runs -------------------------------------------------------------------------------------------------------

FROM python:${PYTHON}-slim
# numba needs no compiler; libgomp1 is torch's.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 user && install -d -o user -g user /data /app
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --find-links /wheels /wheels/*.whl -r requirements.txt
COPY --chown=user app.py ./
COPY --chown=user fourreal fourreal
COPY --chown=user assets assets

USER user
ENV FOURREAL_DATA=/data \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_DISABLE_TELEMETRY=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "app.py"]
