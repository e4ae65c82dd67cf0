# The dashboard without the embedded engines: it is meant for a configured KATO deployment.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md streamlit_app.py asgi_app.py ./
COPY .streamlit .streamlit
COPY cli cli
COPY dashboard dashboard
COPY services services
RUN /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgresql]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/kato-tenants kato
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    KATO_TENANTS_DATA=/var/lib/kato-tenants
WORKDIR /var/lib/kato-tenants
VOLUME /var/lib/kato-tenants
USER kato
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Listens on every address of the container, so it takes KATO_TENANTS_AUTH=oidc or proxy, or, where the
# port is published on loopback only as in compose.yaml, KATO_TENANTS_ALLOW_OPEN=1.
CMD ["kato-tenants", "run", "--headless", "--address=0.0.0.0"]
