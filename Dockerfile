# Countersign in a container. Nothing is built: Node 24 runs the TypeScript as it is. docs/container.md says how to run it.
FROM node:24-slim
WORKDIR /app

# Neither the tools of the tests nor the embedded PostgreSQL of the demo, and no package runs a script of its own.
COPY package.json package-lock.json ./
COPY vendor vendor
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

COPY LICENSE ./
COPY drizzle drizzle
COPY demo demo
COPY src src

# The commit goes on record at every start. It is looked for where git keeps it.
ARG COMMIT=unknown
RUN mkdir .git && echo "$COMMIT" > .git/HEAD && mkdir -m 700 /data && chown node:node /data

# Everything above belongs to root. Only /data is written to.
USER node
ENV NODE_ENV=production DATA_DIR=/data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
