# docker build -t lsg .
# docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" lsg convert fixtures/shakespeare shakespeare-lsg --run-test

# ONNX Runtime's libraries are linked to glibc: no Alpine.
FROM node:22-slim AS build
WORKDIR /opt/lsg
COPY . .
RUN npm ci && npm prune --omit=dev --ignore-scripts
# ONNX Runtime comes with its libraries for every system; this one needs its own.
RUN find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 ! -name linux -exec rm -r {} + \
 && find node_modules/onnxruntime-node/bin/*/linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -r {} +

FROM node:22-slim
ENV NODE_ENV=production HF_HUB_CACHE=/cache/hub
WORKDIR /opt/lsg
COPY --from=build /opt/lsg/package.json /opt/lsg/LICENSE ./
COPY --from=build /opt/lsg/node_modules node_modules
COPY --from=build /opt/lsg/converters/modeling/verify_modeling.py converters/modeling/
COPY --from=build /opt/lsg/dist/modeling dist/modeling
COPY --from=build /opt/lsg/bin bin
COPY --from=build /opt/lsg/dist/lsg dist/lsg
COPY --from=build /opt/lsg/dist/src dist/src
COPY --from=build /opt/lsg/dist/converters dist/converters
# Whoever runs it, with --user, may fill the cache.
RUN node bin/lsg.js --version && mkdir -p /cache/hub /work && chmod 1777 /cache /cache/hub && chown 1000:1000 /work
VOLUME /cache
WORKDIR /work
USER 1000
ENTRYPOINT ["node", "/opt/lsg/bin/lsg.js"]
CMD ["--help"]
