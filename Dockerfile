# docker build -t ringback .
# docker run -d --name ringback -p 8008:8008 -v ringback:/data -e RINGBACK__SERVER_NAME=example.org ringback
#
# Any image with Node 22.18 or newer, npm and glibc will do as a base.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The base brings its own Node, so the one that npm would install stays out. Certificate authorities that the base trusts
# count, for networks that look into TLS.
RUN NODE_OPTIONS=--use-system-ca npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM ${BASE_IMAGE}
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
# .dockerignore names what belongs into the image.
COPY . .
# Compiled code is kept in .cache, for a faster second start.
RUN mkdir -p /data .cache && chown 1000:1000 /data .cache
ENV NODE_ENV=production \
    RINGBACK__DATA_DIR=/data \
    RINGBACK__LISTENERS__0__HOST=0.0.0.0
USER 1000:1000
VOLUME /data
# A config.yaml in the volume is read.
WORKDIR /data
EXPOSE 8008
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.RINGBACK__LISTENERS__0__PORT ?? 8008}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Young objects may take 48 MiB, and not three times 64, before they are cleared away: it costs no speed that could be measured.
ENTRYPOINT ["node", "--max-semi-space-size=16", "/app/bin/ringback.js"]
CMD ["serve"]
